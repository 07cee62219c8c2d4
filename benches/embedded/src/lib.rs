//! Allocators that need no operating system, each in a heap of 64 KiB, behind one interface.
//!
//! - `cargo bench -p stratalloc-embedded-benches`: the time of a malloc+free pair.
//! - `cargo run --release -p stratalloc-embedded-benches --bin times`: the least time of many rounds in turn.
//! - `cargo run --release -p stratalloc-embedded-benches --bin instructions`: exact instructions,
//!   of the same pair and of each operation of the pool where it takes longest.
//! - `cargo xtask operations`: instructions of an operation of every layer, those of the hosted ones too.

use std::{alloc::Layout, mem::MaybeUninit};

mod ours;
mod peers;

pub use ours::{
    ArenaGlobal, Block, ByAddress, LockedBlock, MagazineBlock, OurHeap, OurPool, SharedBlock,
};
pub use peers::{Buddy, Heapless, LinkedList, Llff, Rlsf, System, Talc, Tlsf};

/// The size of every heap, the seed's.
pub const HEAP: usize = 65_536;

/// The alignment of every block.
pub const ALIGN: usize = 8;

/// An allocator that is compared.
pub trait Subject {
    /// Its name in tables.
    const NAME: &'static str;

    /// One in this memory, if it doesn't ask the system, that may expect requests of these sizes.
    fn new(memory: &'static mut [MaybeUninit<u8>], sizes: &[usize]) -> Self;

    /// Allocates; null if it can't.
    fn allocate(&mut self, layout: Layout) -> *mut u8;

    /// Takes back what `allocate` returned.
    ///
    /// # Safety
    ///
    /// The block is live, and of this layout.
    unsafe fn deallocate(&mut self, block: *mut u8, layout: Layout);
}

/// A heap that is never given back: some of the subjects want it to live for ever.
#[expect(clippy::large_stack_arrays, reason = "it is written in place")]
pub fn heap() -> &'static mut [MaybeUninit<u8>] {
    #[repr(align(4096))]
    struct Heap([MaybeUninit<u8>; HEAP]);
    &mut Box::leak(Box::<Heap>::new_uninit()).write(Heap([MaybeUninit::uninit(); HEAP])).0
}

/// As [`heap`], of so many bytes.
pub fn heap_of(bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    let mut words = Vec::<MaybeUninit<u128>>::with_capacity(bytes / size_of::<u128>());
    // SAFETY: words that need hold nothing, as many as there is room for.
    unsafe { words.set_len(bytes / size_of::<u128>()) };
    // SAFETY: the bytes of the words.
    unsafe { words.leak().align_to_mut().1 }
}

/// The block sizes of a configuration of so many pools: 8, 16, 24 …
pub fn sizes(pools: usize) -> Vec<usize> {
    (1..=pools).map(|pool| pool * 8).collect()
}

/// 1,024 requests, spread evenly over the sizes, in an order that no branch predictor learns.
///
/// # Panics
///
/// If a size is no valid one.
pub fn requests(sizes: &[usize]) -> Vec<Layout> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..1024)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let size = sizes[(state % sizes.len() as u64) as usize];
            Layout::from_size_align(size, ALIGN).expect("sizes are small")
        })
        .collect()
}

/// Calls `work` with each subject's type; `one_size` says whether all requests are of one size,
/// which is all that a pool of one kind of block can serve.
#[macro_export]
macro_rules! for_each_subject {
    ($work:ident ( $($argument:expr),* ), one_size: $one_size:expr) => {
        $work::<$crate::OurPool<stratalloc_pool::Bare>>($($argument),*);
        $work::<$crate::OurPool<stratalloc_pool::Checked>>($($argument),*);
        $work::<$crate::OurPool<stratalloc_pool::Full>>($($argument),*);
        if $one_size {
            $work::<$crate::Block>($($argument),*);
            $work::<$crate::Heapless>($($argument),*);
        }
        $work::<$crate::Rlsf>($($argument),*);
        $work::<$crate::Tlsf>($($argument),*);
        $work::<$crate::Llff>($($argument),*);
        $work::<$crate::LinkedList>($($argument),*);
        $work::<$crate::Buddy>($($argument),*);
    };
}
