//! A cache of documents shared by threads: looked up, filled on a miss, and evicted in the order of use.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// Values live long and die on whichever thread evicts them.
pub const ALL: &[Workload] = &[Workload::program(
    "cache",
    "look 600,000 keys up in a shared cache that evicts the oldest",
    run,
)];

const SHARDS: u64 = 16;

/// Values that a shard holds.
const ROOM: usize = 1_000;

/// One lock's part of the cache.
#[derive(Default)]
struct Shard {
    values: HashMap<String, Arc<[u8]>>,
    order: VecDeque<String>,
}

fn run(plan: &Plan) -> Outcome {
    let shards: Vec<Mutex<Shard>> = (0..SHARDS).map(|_| Mutex::default()).collect();
    plan.on_threads(|index| {
        let mut rng = plan.rng(index);
        let mut outcome = Outcome::default();
        for _ in 0..plan.share(600_000) {
            // Squared, so that some keys are hot and most are cold.
            let number = rng.u64(..300).pow(2);
            let shard = &shards[(number % SHARDS) as usize];
            let value = shard.lock().expect("no thread panicked").get(number);
            outcome.count(hash(&value[..8]).wrapping_add(value.len() as u64));
        }
        outcome
    })
}

impl Shard {
    fn get(&mut self, number: u64) -> Arc<[u8]> {
        let key = format!("document/{number}");
        if let Some(value) = self.values.get(&key) {
            return Arc::clone(value);
        }
        let value = document(number);
        self.values.insert(key.clone(), Arc::clone(&value));
        self.order.push_back(key);
        if self.order.len() > ROOM
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        value
    }
}

/// The document of a number: mostly short, some of a few pages.
fn document(number: u64) -> Arc<[u8]> {
    let mut rng = fastrand::Rng::with_seed(number);
    let length = 64 << rng.u32(..8);
    let mut text = number.to_ne_bytes().to_vec();
    text.resize(length + rng.usize(..length), number as u8);
    text.into()
}
