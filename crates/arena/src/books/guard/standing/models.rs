//! Models of a thread that frees a block and has it again, and of one that looks at it.

use core::sync::atomic::Ordering;

use stratalloc_core::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64},
    explore,
};

use super::{Standing, before_change};

const ZEROED: u8 = 1;
const FREED: u8 = 2;
const OPENED: u8 = 4;
const HELD: u8 = 0x80;
/// What stands at the end of a block that the program holds.
const SEAL: u64 = 7;

/// A block of one word, which the program holds.
struct Block {
    byte: AtomicU8,
    word: AtomicU64,
}

impl Block {
    fn held() -> Arc<Self> {
        Arc::new(Self { byte: AtomicU8::new(HELD), word: AtomicU64::new(SEAL) })
    }

    fn standing(&self) -> Standing<'_> {
        Standing(&self.byte)
    }

    fn write(&self, word: u64) {
        self.word.store(word, Ordering::Relaxed);
    }

    /// What a free does to it.
    fn free(&self) {
        assert!(self.standing().say_instead(HELD, FREED));
        before_change();
        self.write(0);
        self.standing().say_done(ZEROED);
    }

    /// What an allocation does to it.
    fn hand_out(&self) {
        assert_eq!(self.standing().said(), ZEROED);
        self.standing().say(OPENED);
        before_change();
        self.write(SEAL);
        self.standing().say_done(HELD);
    }

    /// Whether it looks broken to a neighbour.
    fn looks_broken(&self) -> bool {
        let said = self.standing().before_look();
        let word = self.word.load(Ordering::Relaxed);
        let is_broken = said == HELD && word != SEAL || said == ZEROED && word != 0;
        self.standing().stood_as(said) && is_broken
    }
}

/// A thread that does something to a block which the program holds, and one that looks at it and says whether it is broken.
fn beside(least: usize, owner: fn(&Arc<Block>) -> bool, looker: fn(&Arc<Block>) -> bool) {
    explore(least, Block::held, [owner, looker], |_, [_, is_broken]| {
        assert!(!is_broken, "a whole block looks broken");
    });
}

fn look(block: &Arc<Block>) -> bool {
    block.looks_broken()
}

fn free(block: &Arc<Block>) -> bool {
    block.free();
    false
}

/// A block that stands otherwise after each step is never found broken.
#[test]
fn loom_a_block_that_is_freed_is_whole() {
    beside(190, free, look);
}

#[test]
fn loom_a_block_that_is_handed_out_is_whole() {
    let hand_out = |block: &Arc<Block>| {
        block.hand_out();
        false
    };
    let freed = || {
        let block = Block::held();
        block.free();
        block
    };
    explore(40, freed, [hand_out, look], |_, [_, is_broken]| assert!(!is_broken));
}

/// One that is freed and handed out again stands as it did: a look may be misled, but not the next one too.
#[test]
fn loom_a_block_that_comes_back_misleads_one_look_of_two() {
    let come_back = |block: &Arc<Block>| {
        block.free();
        block.hand_out();
        false
    };
    let look_twice = |block: &Arc<Block>| block.looks_broken() && block.looks_broken();
    beside(1600, come_back, look_twice);
}

#[test]
#[should_panic(expected = "a whole block looks broken")]
fn loom_finds_the_mutant_that_looks_at_the_byte_once() {
    let look_once = |block: &Arc<Block>| {
        let said = block.standing().before_look();
        said == HELD && block.word.load(Ordering::Relaxed) != SEAL
    };
    beside(1, free, look_once);
}

#[test]
#[should_panic(expected = "a whole block looks broken")]
fn loom_finds_the_mutant_that_changes_a_block_before_the_fence() {
    let free_at_once = |block: &Arc<Block>| {
        assert!(block.standing().say_instead(HELD, FREED));
        block.write(0);
        block.standing().say_done(ZEROED);
        false
    };
    beside(1, free_at_once, look);
}
