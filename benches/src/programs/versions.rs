//! Versions of a tree that share what did not change, made by some threads and dropped by another.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Sender, bounded};

use crate::plan::{Outcome, Plan};
use crate::workload::Workload;

/// The persistent maps of databases and user interfaces.
pub const ALL: &[Workload] = &[Workload::program(
    "versions",
    "make 100,000 versions of trees of shared nodes, dropped elsewhere",
    run,
)];

/// Keys of a tree: `0..KEYS`.
const KEYS: u64 = 1 << 12;

/// A node of a binary tree over a range of keys.
enum Node {
    Leaf(u64),
    Inner([Arc<Self>; 2]),
}

fn run(plan: &Plan) -> Outcome {
    let writers = plan.threads.saturating_sub(1).max(1);
    thread::scope(|scope| {
        let (versions, inbox) = bounded(64);
        for index in 0..writers {
            let versions = versions.clone();
            scope.spawn(move || write(plan, index, plan.scaled(100_000) / writers, &versions));
        }
        drop(versions);
        // The last owner of a version frees what no later one shares.
        inbox.iter().map(|(version, key)| Outcome::one(Node::get(&version, key, KEYS))).sum()
    })
}

fn write(plan: &Plan, index: usize, count: usize, versions: &Sender<(Arc<Node>, u64)>) {
    let mut rng = plan.rng(index);
    let mut current = Node::full(KEYS);
    for _ in 0..count.max(1) {
        let key = rng.u64(..KEYS);
        current = current.with(key, rng.u64(..), KEYS);
        versions.send((Arc::clone(&current), key)).expect("the reader outlives its writers");
    }
}

impl Node {
    /// A tree of `keys` zeros, a power of two.
    fn full(keys: u64) -> Arc<Self> {
        Arc::new(if keys == 1 {
            Self::Leaf(0)
        } else {
            Self::Inner([Self::full(keys / 2), Self::full(keys / 2)])
        })
    }

    /// A version with another value; only the path to it is new.
    fn with(&self, key: u64, value: u64, keys: u64) -> Arc<Self> {
        Arc::new(match self {
            Self::Leaf(_) => Self::Leaf(value),
            Self::Inner(sides) => {
                let (side, rest, half) = Self::turn(key, keys);
                let mut sides = sides.clone();
                sides[side] = sides[side].with(rest, value, half);
                Self::Inner(sides)
            }
        })
    }

    fn get(&self, key: u64, keys: u64) -> u64 {
        match self {
            Self::Leaf(value) => *value,
            Self::Inner(sides) => {
                let (side, rest, half) = Self::turn(key, keys);
                sides[side].get(rest, half)
            }
        }
    }

    /// The side that a key lies on, and the key and the number of keys there.
    fn turn(key: u64, keys: u64) -> (usize, u64, u64) {
        let half = keys / 2;
        (usize::from(key >= half), key % half, half)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYS, Node};

    #[test]
    fn a_version_differs_in_one_value_and_leaves_the_old_one() {
        let old = Node::full(KEYS);
        let new = old.with(77, 5, KEYS);
        assert_eq!([76, 77, 78].map(|key| new.get(key, KEYS)), [0, 5, 0]);
        assert_eq!(old.get(77, KEYS), 0);
    }
}
