//! Trees built and thrown away, and a map that churns.

use std::collections::BTreeMap;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::{Level, Size, Workload};

/// Boxes within boxes, and the nodes of a B-tree.
pub const ALL: &[Workload] = &[
    Workload {
        name: "binary-trees",
        level: Level::Kind,
        about: "binary trees of up to 16 levels, built and dropped beside a long-lived one",
        threads: &[1, 2],
        size: Size::Quick,
        run: binary_trees,
    },
    Workload {
        name: "tree-map",
        level: Level::Kind,
        about: "insertions into and removals from an ordered map of short strings",
        threads: &[1, 2],
        size: Size::Quick,
        run: tree_map,
    },
];

struct Node {
    value: u64,
    children: Option<[Box<Self>; 2]>,
}

impl Node {
    #[expect(clippy::unnecessary_box_returns, reason = "the boxes are what is measured")]
    fn build(levels: u32, value: u64) -> Box<Self> {
        let child = |side| Self::build(levels - 1, value.wrapping_mul(3) + side);
        Box::new(Self { value, children: (levels > 0).then(|| [child(1), child(2)]) })
    }

    fn sum(&self) -> Outcome {
        let children = self.children.iter().flatten().map(|child| child.sum());
        Outcome::one(self.value) + children.sum()
    }
}

fn binary_trees(plan: &Plan) -> Outcome {
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let long_lived = Node::build(14, rng.u64(..));
        let mut outcome = Outcome::default();
        while outcome.ops < plan.share(3_000_000) as u64 {
            outcome += Node::build(rng.u32(4..=16), rng.u64(..)).sum();
        }
        outcome + long_lived.sum()
    })
}

fn tree_map(plan: &Plan) -> Outcome {
    const KEYS: u64 = 50_000;
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut map = BTreeMap::new();
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(500_000) {
            let key = rng.u64(..KEYS);
            if let Some(value) = map.remove(&key) {
                let value: String = value;
                outcome.count(hash(value.as_bytes()));
            } else {
                map.insert(key, format!("value {key} of {:x}", rng.u32(..)));
                outcome.count(key);
            }
        }
        outcome
    })
}
