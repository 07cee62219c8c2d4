//! C programs under the library, linked to it and with the archive in them.

#[path = "../harness/mod.rs"]
mod harness;

mod contract;
mod debugger;
mod fenced;
mod levels;
mod life;
mod limits;
mod misuse;
mod musl;
mod profiles;
mod variables;

use harness::Way;

const EVERY_WAY: [Way; 4] = [Way::Preloaded, Way::Linked, Way::Archived, Way::Static];
