//! The C face: every symbol that the GNU C library's manual names for replacing malloc, and others that programs look
//! for.
//!
//! - `standard`: malloc, calloc, realloc, free and their relatives.
//! - `aligned`: blocks at a chosen alignment.
//! - `sized_delete`: the sized forms of C++'s `operator delete`, in the hardened build.
//! - `libc_names`: second names of these, as the GNU C library has them.
//! - `inspect`: the C library's functions that inspect the allocator, or set its parameters.
//! - `text`: reports in words, written by `out`.
//! - `extras`: the functions of `stratalloc.h`.
//! - `profile`: of these, the profile, which a variable may ask for too.
//! - `gauges`: figures in a file as the program runs, if a variable asks for them.
//! - `heaps`: of these, the heaps as values.
//! - `tags`: of these, the accounts of what parts of a program hold.
//! - `end`: files and checks at the end of the process.
//!
//! Each function does what the standard of C or the GNU C library's manual asks, errno included, and leaves the rest to
//! the arenas. No size can overflow: a size beyond `PTRDIFF_MAX` is refused with `ENOMEM`.
//!
//! A function of this crate may run before any constructor, from a signal handler between two of our own instructions,
//! and after every destructor. So no function panics, keeps state, or prints through stdio (except `malloc_info`, whose
//! stream is the caller's).
//! `settings` reads the environment, once, before the program begins.

#![cfg_attr(feature = "freestanding", no_std)]

mod aligned;
mod end;
mod errno;
mod extras;
mod gauges;
mod heaps;
mod inspect;
mod libc_names;
mod out;
#[cfg(feature = "freestanding")]
mod panic;
mod parse;
mod path;
mod profile;
mod settings;
#[cfg(feature = "hardened")]
mod sized_delete;
mod standard;
mod tags;
mod text;
mod variable;
