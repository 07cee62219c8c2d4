//! Misuse of calls that return nothing: it is reported, and the process ends (S0.10).

mod common;

use std::{alloc::Layout, panic};

use common::{Memory, free};
use stratalloc_core::{Allocator, FreeUnsized, diag};
use stratalloc_pool::{Checked, Config, Mode, Pool};

/// The end of the process, as a panic that the test can catch.
fn is_fatal(misuse: impl FnOnce()) -> bool {
    // SAFETY: below it is nothing but a pool, which reports before it changes anything.
    unsafe { diag::set_abort(|| panic!("the process ends")) };
    panic::catch_unwind(panic::AssertUnwindSafe(misuse)).is_err()
}

fn with<M: Mode>(config: &Config<'_>, test: impl FnOnce(&Pool<'_, M>)) {
    let mut memory = Memory::new(4096);
    test(&Pool::new(memory.bytes(), config).unwrap());
}

#[test]
fn a_double_free_without_a_result_is_fatal() {
    with::<Checked>(&Config::new(&[16, 64]), |pool| {
        let layout = Layout::from_size_align(16, 8).unwrap();
        let block = pool.allocate(layout).unwrap().cast();
        // SAFETY: the first is right; the second is the pool's to find.
        unsafe {
            pool.deallocate(block, layout);
            assert!(is_fatal(|| pool.deallocate(block, layout)));
            assert!(is_fatal(|| pool.free_unsized(block)));
        }
        assert_eq!(pool.validate(), Ok(()));
    });
}

#[test]
fn a_foreign_pointer_of_any_distance_is_fatal() {
    with::<Checked>(&Config::new(&[16, 64]), |pool| {
        let layout = Layout::from_size_align(16, 8).unwrap();
        let block = pool.allocate(layout).unwrap().cast::<u8>();
        // Offsets are 16 bits: what is 2 to the 16 away must not be taken for the block.
        for distance in [1 << 16, 1 << 32, 16, 4096] {
            let foreign = block.map_addr(|address| address.checked_add(distance).unwrap());
            // SAFETY: it is the pool's to find.
            assert!(is_fatal(|| unsafe { pool.deallocate(foreign, layout) }), "{distance}");
        }
        assert_eq!(free(pool, block), Ok(()));
    });
}

/// A write to a freed block, of every value that a link can have, hands out no block twice and
/// leads nowhere outside of the pool.
#[test]
fn an_overwritten_link_is_fatal_or_leads_to_a_free_block() {
    for link in (0..=u16::MAX).step_by(97).chain(0..300) {
        with::<Checked>(&Config::new(&[16, 64]), |pool| {
            let blocks = [0; 8].map(|_| pool.malloc(16).unwrap());
            free(pool, blocks[0]).unwrap();
            free(pool, blocks[1]).unwrap();
            // SAFETY: it is wrong, but within the heap.
            unsafe { blocks[1].cast::<u16>().write(link) };
            assert_eq!(pool.malloc(16), Some(blocks[1]));
            let mut next = None;
            if !is_fatal(|| next = pool.malloc(16)) {
                let next = next.unwrap();
                let fresh = blocks[7].addr().get() - 16;
                assert!(next == blocks[0] || link == 0 && next.addr().get() == fresh);
            }
        });
    }
}

#[test]
fn an_overwritten_one_byte_block_is_fatal_or_leads_to_a_free_block() {
    for link in 0..=u8::MAX {
        with::<Checked>(&Config::new(&[1]).packed(), |pool| {
            let blocks = [0; 8].map(|_| pool.malloc(1).unwrap());
            free(pool, blocks[0]).unwrap();
            free(pool, blocks[1]).unwrap();
            // SAFETY: it is wrong, but within the heap.
            unsafe { blocks[1].write(link) };
            assert_eq!(pool.malloc(1), Some(blocks[1]));
            let mut next = None;
            if !is_fatal(|| next = pool.malloc(1)) {
                assert!(!blocks[1..].contains(&next.unwrap()), "link {link}");
            }
        });
    }
}
