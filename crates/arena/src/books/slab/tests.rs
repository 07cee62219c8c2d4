//! Slabs on books of their own.

use std::vec::Vec;

use memoffset::span_of;

use super::*;
use crate::plan::bins::bin_for;

pub(super) struct Fixture {
    pub(super) segment: Segment,
    pub(super) bitmap: [u64; BITMAP_WORDS],
    shape: &'static SlabShape,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let segment = Segment {
            free: 0,
            carved: 0,
            touched: 0,
            pages: 0,
            purged: 0,
            usable: 2 << 20,
            bitmap: 0,
            hint: 0,
            bin: Bin::NONE,
            listed: false,
            seen: 0,
            served: Bin::NONE,
            lines: 1,
            margin: 0,
            zeroed: false,
            locked: 0,
            links: Links::NONE,
        };
        Self { segment, bitmap: [0; BITMAP_WORDS], shape: bin_for(1152, 8).unwrap().shape() }
    }

    pub(super) fn slab(&mut self) -> Slab<'_> {
        Slab {
            segment: &mut self.segment,
            bitmap: &mut self.bitmap,
            base: core::ptr::without_provenance_mut(1 << 30),
            shape: self.shape,
        }
    }

    /// As [`Slab::take`], but the blocks come into the first slots, the lowest address first.
    pub(super) fn take(&mut self, slots: &mut [*mut u8]) -> usize {
        slots.reverse();
        let count = self.slab().take(slots);
        slots.reverse();
        count
    }

    fn offset(pointer: *mut u8) -> usize {
        pointer.addr() - (1 << 30)
    }
}

/// Random numbers, the same in each run.
fn random() -> impl FnMut() -> u64 {
    let mut random = 1_u64;
    move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    }
}

#[test]
fn blocks_come_once_and_in_order() {
    let mut fixture = Fixture::new();
    let mut slots = [core::ptr::null_mut(); 2000];
    let count = fixture.take(&mut slots);
    assert_eq!(count, fixture.shape.capacity as usize);
    assert!(slots[..count].windows(2).all(|pair| pair[1].addr() - pair[0].addr() == 1152));
    assert!(fixture.slab().is_exhausted());
    assert_eq!(fixture.take(&mut slots), 0);
}

#[test]
fn freed_blocks_come_back_sorted() {
    let mut fixture = Fixture::new();
    let mut slots = [core::ptr::null_mut(); 200];
    assert_eq!(fixture.take(&mut slots), 200);
    for index in [150, 3, 64, 63, 65, 199, 0] {
        assert_eq!(fixture.slab().give(&slots[index..=index]), Ok(1));
    }
    let mut again = [core::ptr::null_mut(); 3];
    assert_eq!(fixture.take(&mut again), 3);
    assert_eq!(again, [slots[0], slots[3], slots[63]]);
    let mut rest = [core::ptr::null_mut(); 5];
    assert_eq!(fixture.take(&mut rest), 5);
    assert_eq!(rest[..4], [slots[64], slots[65], slots[150], slots[199]]);
    assert_eq!(Fixture::offset(rest[4]), 200 * 1152);
}

#[test]
fn blocks_freed_before_those_reused_last_are_found() {
    let mut fixture = Fixture::new();
    let mut slots = [core::ptr::null_mut(); 200];
    fixture.take(&mut slots);
    let mut one = [core::ptr::null_mut()];
    for (freed, together) in [150, 3, 150, 70].into_iter().flat_map(|it| [(it, false), (it, true)])
    {
        let both = [slots[freed], slots[199]];
        for blocks in both.chunks(1 + usize::from(together)) {
            assert_eq!(fixture.slab().give(blocks), Ok(blocks.len()), "they are in use again");
        }
        for block in both {
            assert_eq!(fixture.take(&mut one), 1);
            assert_eq!(one, [block]);
        }
    }
}

/// Numbers of random blocks of so many, each once, in stretches that go up or down.
fn shuffled(blocks: usize, next: &mut impl FnMut() -> u64) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut left: Vec<(usize, usize)> = std::vec![(0, blocks)];
    while !left.is_empty() {
        let (first, end) = left.swap_remove(next() as usize % left.len());
        let stretch = first..end;
        match next() % 5 {
            0 if stretch.len() > 1 => {
                let middle = first + 1 + next() as usize % (stretch.len() - 1);
                left.extend([(first, middle), (middle, end)]);
            }
            1 => {}
            2 | 3 => numbers.extend(stretch),
            _ => numbers.extend(stretch.rev()),
        }
    }
    numbers
}

#[test]
fn blocks_given_in_any_order_are_those_of_the_naive_map() {
    let mut next = random();
    for round in 0..2000_usize {
        let mut fixture = Fixture::new();
        let carved = 1 + next() as usize % fixture.shape.capacity as usize;
        let mut slots = std::vec![core::ptr::null_mut(); carved];
        assert_eq!(fixture.take(&mut slots), carved);
        let mut naive = [0_u64; BITMAP_WORDS];
        let numbers = shuffled(carved, &mut next);
        // Behind the blocks handed out there are more, which a run mustn't reach.
        let mut blocks: Vec<_> = numbers.iter().map(|&number| slots[number]).collect();
        if round % 3 == 0 {
            blocks.extend(slots.last().map(|last| last.wrapping_add(1152)));
        }
        for number in &numbers {
            naive[number / 64] |= 1 << (number % 64);
        }
        if numbers.is_empty() {
            continue;
        }
        assert_eq!(fixture.slab().give(&blocks), Ok(numbers.len()));
        assert_eq!((fixture.bitmap, fixture.segment.free as usize), (naive, numbers.len()));
        assert_eq!(fixture.slab().give(&blocks[numbers.len() - 1..]), {
            Err(BadFree::Twice(blocks[numbers.len() - 1]))
        });
        assert_eq!(fixture.bitmap, naive);
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let few = next() as usize % (numbers.len() + 1);
        for taken in [&sorted[..few], &sorted[few..]] {
            let mut again = std::vec![core::ptr::null_mut(); taken.len()];
            assert_eq!(fixture.take(&mut again), taken.len());
            assert!(taken.iter().zip(&again).all(|(&number, &block)| slots[number] == block));
        }
        assert_eq!(fixture.bitmap, [0; BITMAP_WORDS]);
    }
}

#[test]
fn of_blocks_in_a_row_the_one_that_is_free_already_is_told() {
    for is_down in [false, true] {
        let mut fixture = Fixture::new();
        let mut slots = [core::ptr::null_mut(); 200];
        fixture.take(&mut slots);
        let free = slots[100];
        assert_eq!(fixture.slab().give(&[free]), Ok(1));
        if is_down {
            slots.reverse();
        }
        assert_eq!(fixture.slab().give(&slots), Err(BadFree::Twice(free)));
    }
}

#[test]
fn stretches_of_free_blocks_are_found_once() {
    let mut fixture = Fixture::new();
    let mut slots = [core::ptr::null_mut(); 200];
    fixture.take(&mut slots);
    for freed in [&slots[3..5], &slots[60..130], &slots[199..]] {
        assert_eq!(fixture.slab().give(freed), Ok(freed.len()));
    }
    assert_eq!(fixture.slab().idle(), 73 * 1152);
    let mut found = Vec::new();
    assert_eq!(fixture.slab().purge_stretches(71 * 1152, |_, _| unreachable!()), 0);
    let purged = fixture.slab().purge_stretches(2 * 1152, |offset, size| {
        found.push((offset / 1152, size / 1152));
        size
    });
    assert_eq!(found, [(3, 2), (60, 70)]);
    assert_eq!((purged, fixture.slab().idle()), (72 * 1152, 1152));
    fixture.take(&mut slots[..10]);
    assert_eq!((fixture.slab().idle(), fixture.segment.purged), (0, 63 * 1152));
}

#[test]
fn what_a_segment_had_before_is_idle_until_it_is_carved() {
    let mut fixture = Fixture::new();
    fixture.segment.touched = 10 * 1152 + 7;
    let mut slots = [core::ptr::null_mut(); 9];
    assert_eq!(fixture.slab().idle(), 10 * 1152 + 7);
    fixture.take(&mut slots);
    assert_eq!(fixture.slab().idle(), 1152 + 7);
    fixture.slab().give(&slots[..2]).unwrap();
    assert_eq!(fixture.slab().idle(), 3 * 1152 + 7);
    fixture.take(&mut slots);
    assert_eq!((fixture.slab().idle(), fixture.segment.touched), (0, 16 * 1152));
}

#[test]
fn stretches_are_those_of_the_naive_search() {
    let mut next = random();
    for round in 0..500_usize {
        let mut fixture = Fixture::new();
        let carved = 1 + next() as usize % fixture.shape.capacity as usize;
        fixture.segment.carved = carved as u32;
        // From sparse to dense, with whole words among them.
        let is_free: Vec<bool> = (0..carved)
            .map(|block| next() % 100 < (round % 101) as u64 || (block / 70 + round) % 5 == 0)
            .collect();
        for block in (0..carved).filter(|&block| is_free[block]) {
            fixture.bitmap[block / 64] |= 1 << (block % 64);
        }
        let least = [1, 2, 3, 31, 64, 65, 127, 128, 200][round % 9];
        let mut naive = Vec::new();
        let mut first = 0;
        for stretch in is_free.chunk_by(|a, b| a == b) {
            if stretch[0] && stretch.len() >= least {
                naive.push((first, first + stretch.len()));
            }
            first += stretch.len();
        }
        let slab = fixture.slab();
        let following = |&(_, after): &(usize, usize)| slab.next_stretch(after, least);
        let found: Vec<_> =
            core::iter::successors(slab.next_stretch(0, least), following).collect();
        assert_eq!(found, naive, "round {round}, {least} or more of {carved}");
    }
}

#[test]
fn bad_frees_are_told_and_change_nothing() {
    let mut fixture = Fixture::new();
    let mut slots = [core::ptr::null_mut(); 2];
    fixture.take(&mut slots);
    let [first, second] = slots;
    for bad in [first.wrapping_add(1), second.wrapping_add(1152)] {
        for blocks in [&[bad][..], &[bad, first]] {
            assert_eq!(fixture.slab().give(blocks), Err(BadFree::NotABlock(bad)));
        }
    }
    assert_eq!(fixture.slab().give(&[second, first.wrapping_sub(8)]), Ok(1));
    for blocks in [&[second][..], &[second, first]] {
        assert_eq!(fixture.slab().give(blocks), Err(BadFree::Twice(second)));
    }
    assert_eq!(fixture.segment.free, 1);
    assert_eq!(fixture.slab().give(&[first]), Ok(1));
    assert!(fixture.slab().is_empty());
    fixture.slab().clear();
    assert_eq!(fixture.bitmap, [0; BITMAP_WORDS]);
}

#[test]
fn what_takes_and_gives_blocks_reads_lies_together() {
    // A search for a slab reads the links besides.
    assert!(span_of!(Segment, free..=hint).len() <= LINE / 2);
    assert_eq!(span_of!(Segment, links).len(), 2 * size_of::<usize>());
}
