//! The one switch between loom's model types and the real ones.
//!
//! Build with `RUSTFLAGS="--cfg loom"` to let loom explore every interleaving. Loom's constructors
//! aren't `const`: statics live only at the edges, behind `cfg(not(loom))`.

#[cfg(loom)]
pub use loom::{
    cell::UnsafeCell,
    hint::spin_loop,
    sync::{Arc, atomic},
    thread,
};

#[cfg(not(loom))]
pub use core::{hint::spin_loop, sync::atomic};
