//! Values in blocks: boxes that are dropped, leaked, moved and pinned.

use std::{boxed::Box, rc::Rc, string::String, sync::OnceLock, thread, vec::Vec};

use stratalloc_core::Stats;

use super::*;
use crate::{SyncBlockAllocator, test_base::TestBase};

#[test]
fn values_are_dropped_once_and_blocks_come_back() {
    let base = TestBase::new();
    let blocks = BlockAllocator::new_in(&base, BlockLayout::of::<Rc<()>>(), Growth::fixed(4));
    let pool = TypedBlocks::over(blocks).unwrap();
    let value = Rc::new(());
    let boxes: Vec<_> = (0..9).map(|_| pool.alloc(Rc::clone(&value)).unwrap()).collect();
    assert_eq!((Rc::strong_count(&value), pool.blocks().stats().used), (10, 9));
    drop(boxes);
    assert_eq!((Rc::strong_count(&value), pool.blocks().stats().used), (1, 0));
    let taken = BlockBox::into_inner(pool.alloc(Rc::clone(&value)).unwrap());
    assert_eq!((Rc::strong_count(&value), pool.blocks().stats().used), (2, 0));
    drop(taken);
}

#[test]
fn a_value_comes_back_when_there_is_no_block_and_blocks_when_they_are_too_small() {
    let base = TestBase::allowing(0);
    let blocks = BlockAllocator::new_in(&base, BlockLayout::of::<String>(), Growth::fixed(4));
    let blocks = TypedBlocks::<[String; 2], _>::over(blocks).unwrap_err();
    let pool = TypedBlocks::over(blocks).unwrap();
    assert_eq!(pool.alloc(String::from("kept")).unwrap_err(), "kept");
}

#[test]
fn a_block_comes_back_when_the_drop_of_its_value_unwinds() {
    struct Unwinds;
    impl Drop for Unwinds {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let base = TestBase::new();
    let blocks = BlockAllocator::new_in(&base, BlockLayout::of::<Unwinds>(), Growth::fixed(1));
    let pool = TypedBlocks::over(blocks).unwrap();
    let dropping = std::panic::AssertUnwindSafe(|| drop(pool.alloc(Unwinds)));
    assert!(std::panic::catch_unwind(dropping).is_err());
    assert_eq!(pool.blocks().stats().used, 0);
}

#[test]
fn boxes_go_from_thread_to_thread() {
    let base = TestBase::new();
    let layout = BlockLayout::of::<Vec<u8>>();
    let pool = SyncBlockAllocator::new_in(&base, layout, Growth::fixed(4));
    let pool = TypedBlocks::over(pool).unwrap();
    thread::scope(|scope| {
        let start = |number| {
            let value = pool.alloc(std::vec![number; 3]).unwrap();
            scope.spawn(move || assert_eq!(*value, [number; 3]))
        };
        let threads: Vec<_> = (0..4).map(start).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    assert_eq!(pool.blocks().stats().used, 0);
}

#[test]
fn a_pinned_value_stays() {
    static POOL: OnceLock<TypedBlocks<u64, SyncBlockAllocator<Buffer<'static>>>> = OnceLock::new();
    let pool = POOL.get_or_init(|| {
        let buffer = Box::leak(Box::new([MaybeUninit::uninit(); 256]));
        let blocks = SyncBlockAllocator::from_buffer(buffer, BlockLayout::of::<u64>());
        TypedBlocks::over(blocks.unwrap()).unwrap()
    });
    let pinned = BlockBox::into_pin(pool.alloc(7).unwrap());
    let place: *const u64 = &raw const *pinned;
    let moved = Box::new(pinned);
    assert_eq!((&raw const **moved, **moved), (place, 7));
}
