//! A shard: the thread that draws and keeps some of the tiles.

use std::{
    mem::{self, ManuallyDrop},
    sync::mpsc::{Receiver, Sender},
};

use allocator_api2_02::alloc::{Allocator, Global};
use stratalloc::{
    ArenaHeap,
    block::{Growth, TypedBlocks},
    core::Stats,
};

use super::{
    cache::{Bound, Cache, Entry, Figures},
    layers::Layers,
    memory::{Among, NoMemory, Nodes, Scratch},
    tile::{self, Tile},
};

/// What a shard may take.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// The most tiles.
    pub(crate) tiles: usize,
    /// The most bytes: of texts and entries if the server counts them, of the heap if the limit does.
    pub(crate) bytes: usize,
}

/// What a shard is asked.
pub(crate) enum Request {
    /// For a tile, to be written into the buffer, which goes back.
    Draw(Tile, Vec<u8>, Sender<Vec<u8>>),
    /// To forget all tiles.
    Clear,
}

/// Where there is none, there is no service.
const START: &str = "there is memory to start with";

/// Runs a shard until all clients are gone: what happened in it.
pub(crate) fn run_shard(layers: Layers, size: Size, requests: &Receiver<Request>) -> Figures {
    let bound = match layers {
        Layers::Limit => Bound::Refused,
        _ => Bound::Counted(size.bytes),
    };
    let heap = || ArenaHeap::new().expect(START);
    match layers {
        Layers::System => run_in_system(size, bound, requests),
        Layers::ShardHeaps => run_in_heap(heap(), size, bound, requests),
        Layers::Blocks => run_in_blocks(heap(), Global, size, bound, requests),
        Layers::RequestHeaps => run_in_blocks(heap(), heap(), size, bound, requests),
        Layers::Limit => {
            let limited = ArenaHeap::with_limit(size.bytes).expect(START);
            run_in_blocks(limited, heap(), size, bound, requests)
        }
    }
}

fn run_in_system(size: Size, bound: Bound, requests: &Receiver<Request>) -> Figures {
    let mut figures = Figures::default();
    loop {
        let cache = Cache::new(Global, Among(Global), size.tiles, bound);
        let mut cache = cache.expect(START);
        let ended = serve(&mut cache, &mut Global, requests, &mut figures);
        if ended {
            return figures;
        }
        // Frees every text and entry.
        drop(cache);
    }
}

fn run_in_heap(
    mut heap: ArenaHeap,
    size: Size,
    bound: Bound,
    requests: &Receiver<Request>,
) -> Figures {
    let mut figures = Figures::default();
    loop {
        let cache = Cache::new(&heap, Among(&heap), size.tiles, bound);
        // The heap frees everything that it holds.
        let mut cache = ManuallyDrop::new(cache.expect(START));
        let ended = serve(&mut cache, &mut Global, requests, &mut figures);
        heap.reset();
        if ended {
            return figures;
        }
    }
}

fn run_in_blocks(
    mut heap: ArenaHeap,
    mut scratch: impl Scratch,
    size: Size,
    bound: Bound,
    requests: &Receiver<Request>,
) -> Figures {
    let mut figures = Figures::default();
    loop {
        let entries = TypedBlocks::new_in(&heap, Growth::doubling(64, 1024));
        // The heap frees everything that it holds, the chunks of blocks too.
        let entries = ManuallyDrop::new(entries);
        let cache = Cache::new(&heap, &*entries, size.tiles, bound);
        let mut cache = ManuallyDrop::new(cache.expect(START));
        let ended = serve(&mut cache, &mut scratch, requests, &mut figures);
        let stats = heap.stats();
        assert!(stats.held <= stats.limit.unwrap_or(usize::MAX), "{stats:?}");
        heap.reset();
        if ended {
            return figures;
        }
    }
}

/// Answers requests until there are no more, or until all tiles are to be forgotten: whether it is the former.
fn serve<A, N, S>(
    cache: &mut Cache<A, N>,
    scratch: &mut S,
    requests: &Receiver<Request>,
    figures: &mut Figures,
) -> bool
where
    A: Allocator + Copy,
    N: Nodes<Entry<A>>,
    S: Scratch,
{
    cache.figures = *figures;
    for request in requests {
        let Request::Draw(tile, mut answer, back) = request else { return false };
        answer.clear();
        if let Some(text) = cache.get(tile) {
            answer.extend_from_slice(text);
        } else if draw(cache, scratch, tile, &mut answer).is_err() {
            answer.clear();
        }
        *figures = cache.figures;
        // A client may have gone.
        let _ = back.send(answer);
    }
    true
}

/// Draws a tile that isn't in the cache, in scratch memory, and keeps it if it can.
fn draw<A, N, S>(
    cache: &mut Cache<A, N>,
    scratch: &mut S,
    tile: Tile,
    answer: &mut Vec<u8>,
) -> Result<(), NoMemory>
where
    A: Allocator + Copy,
    N: Nodes<Entry<A>>,
    S: Scratch,
{
    let drawn = tile::render(tile, scratch.memory());
    if let Ok(drawn) = &drawn {
        answer.extend_from_slice(&drawn.text.0);
        if cache.insert(tile, &drawn.text.0).is_err() {
            cache.figures.not_kept += 1;
        }
    }
    let result = drawn.map(|drawn| {
        if S::FREES_ALL {
            mem::forget(drawn);
        }
    });
    scratch.end_request();
    result
}
