//! A table read from text into columns, grouped and sorted.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// What a report over a log does.
pub const ALL: &[Workload] = &[Workload::program(
    "tables",
    "read tables of 4,000 lines into columns, group and sort them",
    run,
)];

/// Columns of one length.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    places: Vec<Option<String>>,
    amounts: Vec<f64>,
}

fn run(plan: &Plan) -> Outcome {
    plan.on_pool(50, |rng| {
        let columns = Columns::read(&text(rng));
        let mut groups: Vec<(String, Vec<f64>)> = columns.groups().into_iter().collect();
        groups.sort_by(|(_, a), (_, b)| b.len().cmp(&a.len()).then(a[0].total_cmp(&b[0])));
        let mut report = String::new();
        for (name, amounts) in &groups {
            let _ =
                writeln!(report, "{name}\t{}\t{:.2}", amounts.len(), amounts.iter().sum::<f64>());
        }
        Outcome { ops: columns.names.len() as u64, checksum: hash(report.as_bytes()) }
    })
}

fn text(rng: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    for _ in 0..4_000 {
        let (name, amount) = (rng.u32(..500), rng.u32(..1_000_000));
        let place = if rng.u32(..4) == 0 { String::new() } else { format!("place {}", rng.u8(..)) };
        let _ = writeln!(text, "customer {name};{place};{}.{:02}", amount / 100, amount % 100);
    }
    text
}

impl Columns {
    fn read(text: &str) -> Self {
        let mut columns = Self::default();
        for line in text.lines() {
            let fields: Vec<String> = line.split(';').map(str::to_owned).collect();
            let [name, place, amount] = fields.try_into().expect("three fields a line");
            columns.names.push(name);
            columns.places.push((!place.is_empty()).then_some(place));
            columns.amounts.push(amount.parse().expect("a number"));
        }
        columns
    }

    /// The amounts of every customer at every place.
    fn groups(&self) -> BTreeMap<String, Vec<f64>> {
        let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for ((name, place), amount) in self.names.iter().zip(&self.places).zip(&self.amounts) {
            let key = format!("{name} at {}", place.as_deref().unwrap_or("nowhere"));
            groups.entry(key).or_default().push(*amount);
        }
        groups
    }
}
