//! Programs of requests, decoded from bytes, and run under the shadow oracle.

use std::alloc::Layout;

use stratalloc_core::Allocator;
use stratalloc_testkit::Watched;

/// Bytes of one request: what it is, which block, and its size.
pub(crate) const REQUEST: usize = 4;

/// A request as it stands in the input.
pub(crate) type Request = [u8; REQUEST];

/// Returns the whole requests of an input.
pub(crate) fn requests(data: &[u8]) -> impl Iterator<Item = Request> {
    data.as_chunks().0.iter().copied()
}

/// What a request asks of an allocator: nothing, or something that it refused, or served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Served,
    Refused,
}

/// Runs one request. `stretch` times its number are the bytes of the longest.
///
/// # Panics
///
/// If the allocator breaks its contract.
pub(crate) fn step<A: Allocator>(
    watched: &mut Watched<'_, A>,
    request: Request,
    stretch: usize,
) -> Answer {
    let number = usize::from(request[2]) | usize::from(request[3]) << 8;
    let layout = layout(request[0] >> 3, number, stretch);
    let live = watched.live().len();
    let index = usize::from(request[1]) % live.max(1);
    let zeroed = request[1] == 0;
    let served = match (request[0] % 8, live) {
        (0..=2, _) | (_, 0) => watched.allocate(layout, zeroed),
        (3, _) => watched.deallocate(index).map(|()| true),
        (4 | 5, _) => watched.free_unsized(index).map(|()| true),
        (6, _) => watched.resize(index, layout, zeroed),
        // Blocks are seldom as they must be to grow where they are.
        (_, _) => watched.resize_in_place(index, layout.size()).map(|_| true),
    };
    if served.unwrap() { Answer::Served } else { Answer::Refused }
}

/// Mostly small sizes, some that span windows of the heap's tags, few that span regions; now and then an
/// alignment.
fn layout(kind: u8, number: usize, stretch: usize) -> Layout {
    let size = match kind % 8 {
        0..=2 => number % 40,
        3..=5 => number % 1_500,
        6 => number % 9_000,
        _ => number * stretch,
    };
    let align = if kind < 24 { 16 } else { 1 << (number % 12) };
    Layout::from_size_align(size, align).expect("small numbers")
}
