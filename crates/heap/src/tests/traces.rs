//! Small traces of the patterns that heaps are judged by: each must complete in little more memory
//! than its peak payload (S3.2).

use std::{format, ptr::NonNull, string::String, vec, vec::Vec};

use stratalloc_testkit::{Request, Trace};

use crate::{Heap, NoBase};

/// Whether a trace completes in a heap of `size` bytes.
fn completes(trace: &Trace, size: usize) -> bool {
    let mut memory = vec![0_u128; size / 16];
    let start = NonNull::from(&mut memory[..]).cast();
    let heap: Heap = Heap::new(NoBase);
    // SAFETY: the memory is dropped after the heap.
    if !unsafe { heap.add_region(start, size / 16 * 16) } {
        return false;
    }
    let mut blocks = vec![core::ptr::null_mut(); trace.ids];
    trace.requests.iter().all(|request| {
        let (id, block) = match *request {
            Request::Allocate { id, size } => (id, heap.malloc(size)),
            // SAFETY: a trace makes sense, so the block is live.
            Request::Reallocate { id, size } => (id, unsafe { heap.realloc(blocks[id], size) }),
            Request::Free { id } => {
                // SAFETY: as above.
                unsafe { heap.free(blocks[id]) };
                return true;
            }
        };
        blocks[id] = block;
        !block.is_null()
    })
}

fn trace(requests: &[String]) -> Trace {
    let ids = requests.len();
    format!("0\n{ids}\n{ids}\n1\n{}\n", requests.join("\n")).parse().unwrap()
}

/// The trace completes with this utilisation, in percent; and not in its bare payload.
fn reaches(requests: &[String], percent: usize) {
    let trace = trace(requests);
    let peak = trace.peak_payload();
    assert!(completes(&trace, peak * 100 / percent), "not at {percent} %");
    assert!(!completes(&trace, peak), "the heap must be too small for the check to mean anything");
}

/// Small and large blocks in turn; the large ones are freed, and larger ones asked for.
#[test]
fn s3_2_binary() {
    let mut requests = Vec::new();
    for n in 0..400 {
        requests.push(format!("a {} 64", 2 * n));
        requests.push(format!("a {} 448", 2 * n + 1));
    }
    requests.extend((0..400).map(|n| format!("f {}", 2 * n + 1)));
    requests.extend((0..400).map(|n| format!("a {} 512", 1000 + n)));
    reaches(&requests, 96);
}

/// Two blocks are freed, and one of their joint size is asked for.
#[test]
fn s3_2_coalescing() {
    let mut requests = vec![String::from("a 0 65536")];
    for n in 1..100 {
        let id = 3 * n;
        requests.extend([format!("a {id} 4095"), format!("a {} 4095", id + 1)]);
        requests.extend([format!("f {id}"), format!("f {}", id + 1)]);
        requests.extend([format!("a {} 8190", id + 2), format!("f {}", id + 2)]);
    }
    reaches(&requests, 97);
}

/// A block that grows step by step, small ones coming and going.
#[test]
fn s3_2_realloc() {
    let mut requests = vec![String::from("a 0 512")];
    for n in 1..300 {
        requests.push(format!("r 0 {}", 512 + n * 128));
        requests.extend([format!("a {n} 128"), format!("f {n}")]);
    }
    reaches(&requests, 93);
}
