//! The table of the blocks that the program holds, in the checked and the hardened build: a byte for each 16 bytes of
//! partition 0, each 32 of partition 1, and so on.
//!
//! No block is smaller, so that no two have the same byte, and no number of a block needs to be known to find it.

use core::sync::atomic::{AtomicU8, AtomicU64};

use crate::{
    books::area::{
        Area,
        tables::{HELD_ARENA_BYTES, HELD_AT, HELD_SIZE},
    },
    plan::geometry::{ARENAS, PARTITIONS, Partition},
};

/// Bytes of the table for a segment.
const SEGMENT_BYTES: usize = (1 << HELD_ARENA_BYTES) / 64;

/// The place of an address's byte in the table. Arena number by arena number, as the books of segments are.
#[inline(always)]
const fn place(address: usize, partition: Partition) -> usize {
    let count = address >> (HELD_SIZE.ilog2() + partition.number() as u32);
    let (arena, within) = ((count >> HELD_ARENA_BYTES) % ARENAS, count % (1 << HELD_ARENA_BYTES));
    ((arena * PARTITIONS + partition.number()) << HELD_ARENA_BYTES) + within
}

/// The byte of the block that starts at an address.
///
/// # Safety
///
/// The address lies in a slab of this partition, in an area that stays.
#[inline(always)]
pub(crate) unsafe fn held_block(address: *mut u8, partition: Partition) -> &'static AtomicU8 {
    // SAFETY: the address lies in a slab, by this function's contract, so that its arena is booked: [TABLES-1: usable] its
    // part of the table is usable. All threads share it, as atomics.
    unsafe { &*at(address, place(address.addr(), partition)) }
}

/// All bytes of a segment's blocks, eight at a time.
///
/// # Safety
///
/// The segment starts there, serves as a slab of this partition in an area that stays, and has no block yet.
pub(crate) unsafe fn held_of_segment(start: *mut u8, partition: Partition) -> &'static [AtomicU64] {
    let first = at(start, place(start.addr(), partition)).cast();
    // SAFETY: as in `held_block`; nobody uses the bytes of blocks that aren't there.
    unsafe { core::slice::from_raw_parts(first, SEGMENT_BYTES / size_of::<AtomicU64>()) }
}

/// A place of the table of the area that an address lies in.
#[inline(always)]
fn at(address: *mut u8, place: usize) -> *const AtomicU8 {
    let area = Area::containing(address).addr();
    core::ptr::with_exposed_provenance(area + HELD_AT + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        bins::Bin,
        geometry::{ArenaPlace, SEGMENTS},
    };

    #[test]
    fn no_two_blocks_have_the_same_byte_and_each_is_in_its_segments_part() {
        let mut parts = std::collections::BTreeSet::new();
        for partition in Partition::all() {
            for arena in 0..ARENAS {
                for segment in 0..SEGMENTS {
                    let start = ArenaPlace { partition, arena }.segment(segment).offset();
                    let (first, last) =
                        (place(start, partition), start + partition.segment_size() - 1);
                    assert_eq!(place(last, partition), first + SEGMENT_BYTES - 1);
                    assert!(
                        first < (arena + 1) * (PARTITIONS << HELD_ARENA_BYTES)
                            && first >= arena * (PARTITIONS << HELD_ARENA_BYTES)
                    );
                    assert!(parts.insert(first) && first % SEGMENT_BYTES == 0);
                }
            }
        }
        for shape in Bin::all().map(Bin::shape).filter(|it| it.block_size as usize >= HELD_SIZE) {
            assert!(shape.block_size as usize >= HELD_SIZE << shape.partition.number());
        }
    }
}
