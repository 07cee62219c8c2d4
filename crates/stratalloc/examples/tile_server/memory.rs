//! Where the server's memory comes from, as its parts see it.

use std::ops::DerefMut;

use allocator_api2_02::{
    alloc::{Allocator, Global},
    boxed::Box,
};
use stratalloc::{
    ArenaHeap,
    block::{BlockBox, Blocks, TypedBlocks},
};

/// There is no memory, by the limit's decision or the system's.
#[derive(Debug)]
pub(crate) struct NoMemory;

/// Where values of one type lie, each in a box that gives its memory back.
pub(crate) trait Nodes<T>: Copy {
    /// A value in its memory.
    type Node: DerefMut<Target = T>;

    /// Moves a value into memory; gives it back if there is none.
    fn place(self, value: T) -> Result<Self::Node, T>;
}

/// In blocks of one size.
impl<'a, T, B: Blocks> Nodes<T> for &'a TypedBlocks<T, B> {
    type Node = BlockBox<'a, T, B>;

    fn place(self, value: T) -> Result<Self::Node, T> {
        self.alloc(value)
    }
}

/// In any allocator, like everything else.
#[derive(Clone, Copy)]
pub(crate) struct Among<A>(pub(crate) A);

impl<T, A: Allocator + Copy> Nodes<T> for Among<A> {
    type Node = Box<T, A>;

    fn place(self, value: T) -> Result<Self::Node, T> {
        match Box::try_new_uninit_in(self.0) {
            Ok(place) => Ok(Box::write(place, value)),
            Err(_) => Err(value),
        }
    }
}

/// Memory for what a request builds and nobody needs after it.
pub(crate) trait Scratch {
    /// The allocator of one request.
    type Memory<'a>: Allocator + Copy
    where
        Self: 'a;

    /// Whether [`end_request`](Self::end_request) frees everything, so that nothing has to be dropped.
    const FREES_ALL: bool;

    /// The allocator of this request.
    fn memory(&self) -> Self::Memory<'_>;

    /// The request is over.
    fn end_request(&mut self);
}

impl Scratch for Global {
    type Memory<'a> = Self;
    const FREES_ALL: bool = false;

    fn memory(&self) -> Self {
        *self
    }

    fn end_request(&mut self) {}
}

impl Scratch for ArenaHeap {
    type Memory<'a> = &'a Self;
    const FREES_ALL: bool = true;

    fn memory(&self) -> &Self {
        self
    }

    fn end_request(&mut self) {
        self.reset();
    }
}
