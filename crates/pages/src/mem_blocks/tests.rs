//! Runs of blocks: contract, reuse, refusals; call by call where memory fails.

use std::{vec, vec::Vec};

use super::*;
use crate::FixedRegion;

mod counting;
mod misuse;

use counting::Counting;

/// A region of 1 MiB in pages of `page` bytes, for good.
fn region(page: usize) -> FixedRegion<'static> {
    FixedRegion::new(vec![core::mem::MaybeUninit::uninit(); 1 << 20].leak(), page).unwrap()
}

type Blocks<P> = MemBlocks<P, 16>;

/// A shadow of what should be in each run: address, blocks, fill byte.
#[derive(Default)]
struct Shadow(Vec<(*mut u8, usize, u8)>);

impl Shadow {
    /// Some bytes of every block, its first and last among them.
    fn probes(n: usize) -> impl Iterator<Item = usize> {
        let of_block = |block| [0, 1000, MEM_BLOCK_SIZE - 1].map(|it| block * MEM_BLOCK_SIZE + it);
        (0..n).flat_map(of_block)
    }

    fn allocate<P: PageProvider>(&mut self, kernel: &Blocks<P>, n: usize, fill: u8) -> bool {
        let run = kernel.alloc_blocks(n);
        if run.is_null() {
            return false;
        }
        assert_eq!(run.addr() % MEM_BLOCK_SIZE, 0);
        let end = run.addr() + n * MEM_BLOCK_SIZE;
        let apart = |&(other, m, _): &(*mut u8, usize, u8)| {
            end <= other.addr() || other.addr() + m * MEM_BLOCK_SIZE <= run.addr()
        };
        assert!(self.0.iter().all(apart), "live runs overlap");
        for offset in Self::probes(n) {
            // SAFETY: the run is ours.
            unsafe { run.add(offset).write(fill) };
        }
        self.0.push((run, n, fill));
        true
    }

    fn free<P: PageProvider>(&mut self, kernel: &Blocks<P>, index: usize) {
        let (run, n, fill) = self.0.swap_remove(index);
        // SAFETY: the run is ours and was filled; it is not used after.
        unsafe {
            for offset in Self::probes(n) {
                assert_eq!(run.add(offset).read(), fill, "someone wrote into a run");
            }
            kernel.free_blocks(run);
        }
    }
}

/// A mix of 200 steps, some of which may fail; everything freed in the end.
fn mixed_life<P: PageProvider>(kernel: &Blocks<P>) {
    let mut shadow = Shadow::default();
    let mut state = 88_172_645_463_325_252_u64;
    for step in 0..200_u8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let choice = (state >> 8) as usize;
        if choice % 5 < 3 || shadow.0.is_empty() {
            let n = [1, 1, 2, 3, 7, 15, 16, 17, 40][choice / 5 % 9];
            shadow.allocate(kernel, n, step);
        } else {
            shadow.free(kernel, choice / 5 % shadow.0.len());
        }
    }
    while !shadow.0.is_empty() {
        shadow.free(kernel, 0);
    }
}

#[test]
fn runs_never_overlap_and_all_memory_comes_back() {
    for page in [1024, 4096, 16 * 1024] {
        let provider = Counting::new(region(page), 0..0);
        let kernel: Blocks<&Counting<_>> = MemBlocks::new(&provider);
        mixed_life(&kernel);
        assert!(kernel.footprint() <= Blocks::<&Counting<FixedRegion>>::CHUNK_BYTES);
        kernel.trim();
        assert_eq!(kernel.footprint(), 0);
        assert_eq!(provider.inner.free_pages(), provider.inner.pages());
    }
}

#[test]
fn whatever_call_fails_the_kernel_goes_on() {
    for k in 0.. {
        for doomed in [k..k + 1, k..k + 20] {
            let provider = Counting::new(region(4096), doomed);
            let kernel: Blocks<&Counting<_>> = MemBlocks::new(&provider);
            mixed_life(&kernel);
            while kernel.trim() > 0 {}
            let calls = provider.calls.get();
            drop(kernel);
            if calls < k {
                return;
            }
        }
    }
}

#[test]
fn a_refused_release_loses_nothing() {
    let provider = Counting::new(region(4096), 2..3);
    let kernel: Blocks<&Counting<_>> = MemBlocks::new(&provider);
    let long = kernel.alloc_blocks(40);
    // SAFETY: freed once.
    unsafe { kernel.free_blocks(long) };
    assert_eq!(provider.held.borrow().len(), 1, "the provider refused");
    let again = kernel.alloc_blocks(40);
    assert_eq!(again, long);
    assert_eq!(provider.calls.get(), 3, "what was refused serves again");
    // SAFETY: freed once.
    unsafe { kernel.free_blocks(again) };
    assert_eq!(kernel.footprint(), 0);
}

#[test]
fn a_block_in_turn_calls_the_provider_once() {
    let provider = Counting::new(region(4096), 0..0);
    let kernel: Blocks<&Counting<_>> = MemBlocks::new(&provider);
    for _ in 0..100 {
        let run = kernel.alloc_blocks(2);
        // SAFETY: freed once.
        unsafe { kernel.free_blocks(run) };
    }
    assert_eq!(provider.calls.get(), 2, "one reservation, one commit");
}

#[test]
fn zero_and_huge_are_null() {
    let kernel: Blocks<_> = MemBlocks::new(region(4096));
    for n in [0, usize::MAX, usize::MAX / 4096, usize::MAX / 4096 - 1, 1 << 40] {
        assert!(kernel.alloc_blocks(n).is_null());
    }
    let mut shadow = Shadow::default();
    while shadow.allocate(&kernel, 1, 1) {}
    assert!(shadow.0.len() > 200, "of 256 blocks, {} served", shadow.0.len());
    shadow.free(&kernel, 17);
    assert!(shadow.allocate(&kernel, 1, 2), "a freed block serves again");
}

#[test]
fn forty_thousand_blocks_take_no_quadratic_time() {
    let kernel: MemBlocks<_> = MemBlocks::new(crate::Mmap);
    let runs: Vec<_> = (0..40_000).map(|_| kernel.alloc_blocks(1)).collect();
    assert!(runs.iter().all(|run| !run.is_null()));
    // SAFETY: each is freed once.
    runs.iter().for_each(|&run| unsafe { kernel.free_blocks(run) });
    assert!(kernel.footprint() <= 1 << 20);
}

#[test]
fn as_a_base_it_keeps_alignments() {
    let kernel: Blocks<_> = MemBlocks::new(region(4096));
    for align in [1, 4096, 8192, 32_768] {
        for size in [1, 4097, 60_000, 200_000] {
            let layout = Layout::from_size_align(size, align).unwrap();
            let block = kernel.allocate(layout).unwrap();
            assert!(block.len() >= size && block.cast::<u8>().addr().get() % align == 0);
            // SAFETY: the whole length is ours; freed once.
            unsafe {
                block.cast::<u8>().write_bytes(1, block.len());
                kernel.deallocate(block.cast(), layout);
            }
        }
    }
    assert!(kernel.allocate(Layout::from_size_align(1, 65_536).unwrap()).is_err());
}

/// What has no place for an aligned run has one for others.
#[test]
fn a_search_for_an_aligned_run_says_nothing_of_others() {
    let kernel: Blocks<_> = MemBlocks::new(region(4096));
    // Blocks 9 to 15 are left of the first chunk, 1 to 7 and 10 to 15 of the second.
    assert!(!kernel.alloc_blocks(8).is_null());
    let aligned = Layout::from_size_align(2 * MEM_BLOCK_SIZE, 8 * MEM_BLOCK_SIZE).unwrap();
    assert!(kernel.allocate(aligned).is_ok());
    let footprint = kernel.footprint();
    for n in [7, 6, 7] {
        assert!(!kernel.alloc_blocks(n).is_null());
    }
    assert_eq!(kernel.footprint(), footprint);
}

#[test]
fn a_trim_says_what_it_gave_back() {
    let kernel: Blocks<_> = MemBlocks::new(region(4096));
    let run = kernel.alloc_blocks(3);
    assert_eq!(kernel.trim(), 0);
    // SAFETY: freed once.
    unsafe { kernel.free_blocks(run) };
    let footprint = kernel.footprint();
    assert_eq!((kernel.trim(), kernel.footprint()), (footprint, 0));
    assert!(footprint > 0);
}
