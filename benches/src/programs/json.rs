//! Documents parsed, changed and written (`serde_json`).

use serde_json::{Value, json};

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// A service that reads, edits and answers with JSON.
pub const ALL: &[Workload] =
    &[Workload::program("json", "parse documents of 300 records, edit them, write them", run)];

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(200, |rng| {
        let text = document(rng).to_string();
        let mut parsed: Value =
            serde_json::from_str(&text).expect("it was written by the same library");
        edit(&mut parsed);
        Outcome::one(hash(parsed.to_string().as_bytes()))
    })
}

fn document(rng: &mut fastrand::Rng) -> Value {
    let mut record = |id| {
        let tags: Vec<String> =
            (0..rng.usize(..6)).map(|_| format!("tag-{}", rng.u16(..))).collect();
        json!({
            "id": id,
            "name": format!("record {id} of {:x}", rng.u32(..)),
            "tags": tags,
            "place": { "x": rng.i32(..), "y": rng.i32(..), "label": null },
            "score": rng.u16(..),
        })
    };
    (0..300).map(&mut record).collect()
}

fn edit(document: &mut Value) {
    let Some(records) = document.as_array_mut() else { return };
    records.retain(|record| record["score"].as_u64().is_some_and(|score| score % 7 != 0));
    for record in records {
        let copy = record["tags"].clone();
        record["place"]["label"] = json!(format!("{} tags", copy.as_array().map_or(0, Vec::len)));
        record["history"] = json!([{ "tags": copy, "name": record["name"].take() }]);
    }
}
