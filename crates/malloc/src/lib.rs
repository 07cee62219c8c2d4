//! The C face: every symbol that the GNU C library's manual names for replacing malloc, and those
//! that programs look for besides.
//!
//! - `standard`: malloc, calloc, realloc, free and their relatives.
//! - `aligned`: blocks at a chosen alignment.
//! - `libc_names`: second names of these, as the GNU C library has them.
//! - `inspect`: what programs ask of or tell the allocator about itself.
//! - `text`: the same in words, which leave by `out`.
//! - `extras`: the functions of `stratalloc.h`.
//! - `profile`: of these, the profile, which a variable may ask for too.
//! - `heaps`: of these, the heaps as values.
//! - `end`: what is looked at when the process ends.
//!
//! Each function does what C or the GNU C library says, errno included, and leaves the rest to the
//! arenas. No size can overflow anything: a size beyond `PTRDIFF_MAX` is refused with `ENOMEM`.
//!
//! A function of this crate may run before any constructor, from a signal handler between two of
//! our own instructions, and after every destructor. So nothing here prints through stdio
//! (`malloc_info` excepted, whose stream is the caller's), panics or keeps state.
//! `settings` reads the environment, once, before the program begins.

#![cfg_attr(feature = "freestanding", no_std)]

mod aligned;
mod end;
mod errno;
mod extras;
mod heaps;
mod inspect;
mod libc_names;
mod out;
#[cfg(feature = "freestanding")]
mod panic;
mod profile;
mod settings;
mod standard;
mod text;
