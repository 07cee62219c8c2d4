//! The parser of traces.

use std::collections::HashSet;

use stratalloc_testkit::{Request, Trace};

/// A text that is a trace makes sense, and is the same when it is written and read again.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(trace) = text.parse::<Trace>() else { return };
    let mut live = HashSet::new();
    for request in &trace.requests {
        let (id, makes_sense) = match *request {
            Request::Allocate { id, .. } => (id, live.insert(id)),
            Request::Reallocate { id, .. } => (id, live.contains(&id)),
            Request::Free { id } => (id, live.remove(&id)),
        };
        assert!(makes_sense && id < trace.ids, "{request:?}");
    }
    assert_eq!(written(&trace).parse(), Ok(trace.clone()));
    let sizes = trace.requests.iter().map(|request| match *request {
        Request::Allocate { size, .. } | Request::Reallocate { size, .. } => size,
        Request::Free { .. } => 0,
    });
    let (most, all) =
        sizes.fold((0, 0_usize), |(most, all), size| (most.max(size), all.saturating_add(size)));
    let peak = trace.peak_payload();
    assert!((most..=all).contains(&peak), "{peak} of {most} to {all}");
}

/// Returns a trace as its format wants it.
fn written(trace: &Trace) -> String {
    let Trace { suggested_heap, ids, weight, requests } = trace;
    let header = format!("{suggested_heap}\n{ids}\n{}\n{weight}\n", requests.len());
    let lines = requests.iter().map(|request| match *request {
        Request::Allocate { id, size } => format!("a {id} {size}\n"),
        Request::Reallocate { id, size } => format!("r {id} {size}\n"),
        Request::Free { id } => format!("f {id}\n"),
    });
    std::iter::once(header).chain(lines).collect()
}
