//! Memory from outside.
//!
//! - [`os`]: the system calls on anonymous memory, each a thin function (feature `hosted`).
//!
//! `no_std`, without `alloc`.

#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(all(feature = "hosted", target_os = "linux"))]
pub mod os;
