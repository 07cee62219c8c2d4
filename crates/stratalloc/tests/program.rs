//! A program whose every allocation is ours: collections, threads, zero sizes, alignments.

use std::{
    alloc::{GlobalAlloc, Layout},
    collections::{BTreeMap, HashMap},
    sync::mpsc,
    thread,
};

use stratalloc::{
    Stratalloc,
    core::{Allocator, FreeUnsized, Trim, UsableSize},
};

#[global_allocator]
static ALLOCATOR: Stratalloc = Stratalloc;

#[test]
fn collections_hold_what_was_put_in() {
    let names: HashMap<u32, String> = (0..10_000).map(|n| (n, format!("name {n}"))).collect();
    let sorted: BTreeMap<_, _> = names.iter().map(|(n, name)| (name.clone(), *n)).collect();
    assert_eq!(names.len(), 10_000);
    assert!(sorted.iter().all(|(name, n)| names[n] == *name));
}

#[test]
fn vectors_keep_their_content_while_they_grow_and_shrink() {
    let mut numbers: Vec<u64> = (0..3_000_000).collect();
    numbers.truncate(1000);
    numbers.shrink_to_fit();
    assert!(numbers.iter().copied().eq(0..1000));
}

#[test]
fn blocks_travel_between_threads() {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    let sum = thread::scope(|scope| {
        for id in 0..4_u8 {
            let sender = sender.clone();
            scope.spawn(move || (0..5_000).for_each(|n| sender.send(vec![id; n % 700]).unwrap()));
        }
        drop(sender);
        scope.spawn(move || receiver.iter().map(|block| block.len()).sum::<usize>()).join().unwrap()
    });
    assert_eq!(sum, 4 * (0..5_000).map(|n| n % 700).sum::<usize>());
}

#[test]
fn every_alignment_is_kept_by_each_way_to_grow() {
    for align in (0..=21).map(|bit| 1_usize << bit) {
        for size in [0, 1, 63, 4096, 40_000] {
            let old = Layout::from_size_align(size, align).unwrap();
            let new = Layout::from_size_align(size * 2 + 1, align * 2).unwrap();
            let block = Stratalloc.allocate_zeroed(old).unwrap();
            assert_eq!((block.len(), block.addr().get() % align), (size, 0));
            // SAFETY: the block is live with `old`, then with `new`, then freed.
            unsafe {
                block.cast::<u8>().write_bytes(7, size);
                let grown = Stratalloc.grow_zeroed(block.cast(), old, new).unwrap();
                assert_eq!(grown.addr().get() % (align * 2), 0);
                let content = grown.as_ref();
                assert!(content[..size].iter().all(|&byte| byte == 7));
                assert!(content[size..].iter().all(|&byte| byte == 0));
                let shrunk = Stratalloc.shrink(grown.cast(), new, old).unwrap();
                assert!(shrunk.as_ref().iter().all(|&byte| byte == 7));
                assert!(Stratalloc.usable_size(shrunk.cast()) >= size.max(1));
                Stratalloc.free_unsized(shrunk.cast());
            }
        }
    }
}

#[test]
fn zero_sizes_get_blocks_of_their_own() {
    let layout = Layout::from_size_align(0, 8).unwrap();
    let [a, b] = [0, 1].map(|_| Stratalloc.allocate(layout).unwrap());
    assert_ne!(a.addr(), b.addr());
    // SAFETY: both are live with this layout.
    unsafe {
        Stratalloc.deallocate(a.cast(), layout);
        Stratalloc.dealloc(b.as_ptr().cast(), layout);
    }
}

#[test]
fn what_cannot_be_served_is_an_error_and_harms_nothing() {
    let kept = vec![3_u8; 1000];
    let huge = Layout::from_size_align(isize::MAX as usize / 2, 8).unwrap();
    assert!(Stratalloc.allocate(huge).is_err());
    let old = Layout::from_size_align(100, 8).unwrap();
    let block = Stratalloc.allocate_zeroed(old).unwrap();
    // SAFETY: live with `old`, also after the failure.
    unsafe {
        assert!(Stratalloc.grow(block.cast(), old, huge).is_err());
        assert!(block.as_ref().iter().all(|&byte| byte == 0));
        Stratalloc.deallocate(block.cast(), old);
    }
    assert!(kept.iter().all(|&byte| byte == 3));
}

#[test]
fn trim_gives_back_and_spares_what_is_live() {
    let live = vec![5_u8; 100_000];
    drop(vec![1_u8; 1 << 26]);
    Stratalloc.trim();
    assert!(live.iter().all(|&byte| byte == 5));
}
