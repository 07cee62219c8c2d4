//! A bounding volume hierarchy built in parallel, one box on the heap for each node, and searched by rays.

use rayon::prelude::*;

use crate::plan::{Outcome, Plan};
use crate::workload::Workload;

/// The scratch structure of a ray tracer or a collision detector.
pub const ALL: &[Workload] =
    &[Workload::program("bvh", "build trees of boxes over 40,000 triangles and cast rays", run)];

type Point = [f32; 3];

#[derive(Clone, Copy)]
struct Bounds {
    low: Point,
    high: Point,
}

struct Item {
    bounds: Bounds,
    id: u64,
}

enum Node {
    Leaf(Vec<Item>),
    Inner(Bounds, Box<[Node; 2]>),
}

fn run(plan: &Plan) -> Outcome {
    plan.pool().install(|| {
        let scenes = (0..8).map(|scene| {
            let items = triangles(&mut plan.rng(scene), plan.scaled(40_000));
            let rays: Vec<Point> = items.iter().step_by(8).map(|item| item.bounds.low).collect();
            let tree = build(items, 0);
            rays.par_iter().map(|ray| hits(&tree, ray)).sum()
        });
        scenes.sum()
    })
}

fn triangles(rng: &mut fastrand::Rng, count: usize) -> Vec<Item> {
    let item = |id| {
        let low = [rng.f32(), rng.f32(), rng.f32()];
        Item { bounds: Bounds { low, high: low.map(|value| value + 0.02) }, id }
    };
    (1..=count as u64).map(item).collect()
}

/// Splits at the median of one axis after the other until at most 8 items are left.
fn build(mut items: Vec<Item>, axis: usize) -> Node {
    let bounds = items.iter().map(|item| item.bounds).fold(Bounds::NONE, Bounds::join);
    if items.len() <= 8 {
        return Node::Leaf(items);
    }
    let middle = items.len() / 2;
    items.select_nth_unstable_by(middle, |a, b| a.bounds.low[axis].total_cmp(&b.bounds.low[axis]));
    let right = items.split_off(middle);
    let next = (axis + 1) % 3;
    let (left, right) = rayon::join(|| build(items, next), || build(right, next));
    Node::Inner(bounds, Box::new([left, right]))
}

/// The items that a ray along the first axis from `origin` meets, collected as a renderer would.
fn hits(tree: &Node, origin: &Point) -> Outcome {
    let mut found = Vec::new();
    let mut open = vec![tree];
    while let Some(node) = open.pop() {
        match node {
            Node::Leaf(items) => {
                found.extend(items.iter().filter(|item| item.bounds.meets(origin)));
            }
            Node::Inner(bounds, children) if bounds.meets(origin) => open.extend(children.iter()),
            Node::Inner(..) => {}
        }
    }
    Outcome::one(found.iter().map(|item| item.id).sum())
}

impl Bounds {
    const NONE: Self = Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] };

    fn join(self, other: Self) -> Self {
        Self {
            low: std::array::from_fn(|axis| self.low[axis].min(other.low[axis])),
            high: std::array::from_fn(|axis| self.high[axis].max(other.high[axis])),
        }
    }

    fn meets(&self, origin: &Point) -> bool {
        let across = |axis: usize| (self.low[axis]..=self.high[axis]).contains(&origin[axis]);
        self.high[0] >= origin[0] && across(1) && across(2)
    }
}
