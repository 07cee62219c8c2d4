//! A model of the bits of blocks without bytes, and a mutant that loom finds.
//!
//! It shows that a block is one thread's at a time, that one that is given back can be taken again, and that it is given
//! back once.

use stratalloc_core::sync::explore;

use super::*;

/// One word, of which all blocks but two are held.
fn two_blocks() -> Blocks<1> {
    let blocks = Blocks::new();
    blocks.held[0].fetch_or(!0b11, Ordering::Relaxed);
    blocks
}

/// Takes a block by a way of its own, gives it back, and takes one for good.
fn take_twice(blocks: &Blocks<1>, take: fn(&Blocks<1>) -> Option<usize>) -> Option<usize> {
    let first = take(blocks)?;
    assert!(blocks.give_back(first), "a block that was taken was free");
    take(blocks)
}

fn check(blocks: &Blocks<1>, taken: [Option<usize>; 2]) {
    let [Some(one), Some(other)] = taken else { panic!("there was one for each: {taken:?}") };
    assert_ne!(one, other, "a block was taken by two");
    assert_eq!(blocks.take(1), None);
    assert!(blocks.give_back(one) && !blocks.give_back(one) && blocks.is_held(other));
}

#[test]
fn loom_a_block_without_bytes_is_taken_by_one() {
    let works: [fn(&Blocks<1>) -> Option<usize>; 2] =
        [|blocks| take_twice(blocks, |it| it.take(1)), |blocks| blocks.take(1)];
    explore(300, two_blocks, works, check);
}

#[test]
#[should_panic(expected = "a block ")]
fn loom_finds_the_mutant_that_looks_and_then_marks() {
    let work: fn(&Blocks<1>) -> Option<usize> = |blocks| {
        take_twice(blocks, |it| {
            let held = it.held[0].load(Ordering::Relaxed);
            let number = (!held).trailing_zeros() as usize;
            it.held[0].store(held | bit_of(number), Ordering::Relaxed);
            Some(number)
        })
    };
    explore(0, two_blocks, [work; 2], check);
}
