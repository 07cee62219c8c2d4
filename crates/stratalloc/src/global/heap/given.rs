//! A heap in the memory that it is given, within critical sections.

use critical_section::Mutex;
use stratalloc_heap::Heap;

use crate::{Kind, Stratalloc};

pub(crate) const KIND: Kind = Kind::Given;

/// The heap of the program.
static HEAP: Mutex<Heap> = Mutex::new(Heap::new(stratalloc_heap::NoBase));

/// Acts on the heap while nobody else can, interrupts included. It calls nobody, so that nobody comes back.
#[inline]
pub(super) fn with<T>(act: impl FnOnce(&Heap) -> T) -> T {
    critical_section::with(|section| act(HEAP.borrow(section)))
}

impl Stratalloc {
    /// Gives it memory to cut blocks from, for ever; whether it was enough to be of use. Until then it has
    /// none, and every request is refused.
    pub fn add_slice(memory: &'static mut [u8]) -> bool {
        with(|heap| heap.add_slice(memory))
    }
}
