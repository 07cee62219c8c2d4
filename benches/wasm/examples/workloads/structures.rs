//! Containers of the standard library, filled, changed and dropped.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::hint::black_box;

use crate::random::Random;

/// Vectors that grow side by side, one element at a time, and so by `realloc`.
#[unsafe(no_mangle)]
pub extern "C" fn vectors() -> u32 {
    let mut sum = 0;
    for _ in 0..4 {
        let mut vectors: Vec<Vec<u32>> = (0..64).map(|_| Vec::new()).collect();
        let mut random = Random::new(2);
        for number in 0..250_000 {
            vectors[random.below(64)].push(number);
        }
        sum += black_box(vectors).iter().map(|vector| vector.len() as u32).sum::<u32>();
    }
    sum
}

struct Tree {
    left: Option<Box<Tree>>,
    right: Option<Box<Tree>>,
}

impl Tree {
    fn new(depth: u32) -> Self {
        let branch = || (depth > 0).then(|| Box::new(Self::new(depth - 1)));
        Self { left: branch(), right: branch() }
    }

    fn count(&self) -> u32 {
        1 + self.left.as_ref().map_or(0, |tree| tree.count())
            + self.right.as_ref().map_or(0, |tree| tree.count())
    }
}

/// Binary trees of two pointers a node, built and dropped.
#[unsafe(no_mangle)]
pub extern "C" fn trees() -> u32 {
    let lasting = Tree::new(15);
    let mut sum = 0;
    for depth in [4, 8, 12] {
        for _ in 0..(1 << 19 >> depth) {
            sum += Tree::new(depth).count();
        }
    }
    sum + lasting.count()
}

/// A map from words to the places where they were seen.
#[unsafe(no_mangle)]
pub extern "C" fn index() -> u32 {
    let mut sum = 0;
    for seed in 0..2 {
        let mut random = Random::new(seed);
        let mut index: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for place in 0..20_000 {
            let length = 3 + random.below(20);
            let first = random.below(500) as u8;
            let word = (0..length).map(|at| char::from(b'a' + (first ^ at as u8) % 26)).collect();
            index.entry(word).or_default().push(place);
            if index.len() > 2000 {
                sum += index.pop_first().map_or(0, |(word, places)| (word.len() + places.len()) as u32);
            }
        }
        sum += index.len() as u32;
    }
    sum
}
