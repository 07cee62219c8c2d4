//! The service: a thread for each shard of the map, with memory of its own that no other thread touches.

use std::{
    mem,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

use super::{cache::Figures, shard::run_shard, tile::Tile};

/// How much of the library a server uses: each row adds to the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layers {
    /// The system's allocator for everything.
    System,
    /// A heap for each shard.
    ShardHeaps,
    /// Entries in blocks of one size, in chunks cut from the shard's heap.
    Blocks,
    /// A heap for each request.
    RequestHeaps,
    /// A limit for the shard's heap: tiles go when it refuses, rather than by what the server counts.
    Limit,
}

impl Layers {
    pub(crate) const ALL: [Self; 5] =
        [Self::System, Self::ShardHeaps, Self::Blocks, Self::RequestHeaps, Self::Limit];

    /// What this one adds.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::System => "the system's allocator",
            Self::ShardHeaps => "+ a heap for each shard",
            Self::Blocks => "+ blocks for entries",
            Self::RequestHeaps => "+ a heap for each request",
            Self::Limit => "+ a limit for the shard",
        }
    }
}

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

/// A service that runs.
pub(crate) struct Service {
    shards: Vec<Sender<Request>>,
    threads: Vec<JoinHandle<Figures>>,
}

impl Service {
    /// Starts the threads of the shards.
    pub(crate) fn start(layers: Layers, shards: usize, size: Size) -> Self {
        let start = |_| {
            let (sender, requests) = channel();
            (sender, thread::spawn(move || run_shard(layers, size, &requests)))
        };
        let (shards, threads) = (0..shards).map(start).unzip();
        Self { shards, threads }
    }

    /// A client's end.
    pub(crate) fn client(&self) -> Client {
        let (back, answers) = channel();
        Client { shards: self.shards.clone(), buffer: Vec::new(), back, answers }
    }

    /// Forgets all tiles.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            shard.send(Request::Clear).expect("the shard runs");
        }
    }

    /// Ends once all clients are gone: what happened in all shards.
    pub(crate) fn end(self) -> Figures {
        drop(self.shards);
        let ended = self.threads.into_iter().map(|thread| thread.join().expect("no shard panics"));
        ended.fold(Figures::default(), sum)
    }
}

/// Asks for one tile after another.
pub(crate) struct Client {
    shards: Vec<Sender<Request>>,
    buffer: Vec<u8>,
    back: Sender<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
}

impl Client {
    /// The SVG of a tile; empty if there was no memory to draw it in.
    pub(crate) fn draw(&mut self, tile: Tile) -> &[u8] {
        let shard = &self.shards[(tile.hash() >> 40) as usize % self.shards.len()];
        let request = Request::Draw(tile, mem::take(&mut self.buffer), self.back.clone());
        shard.send(request).expect("the shard runs");
        self.buffer = self.answers.recv().expect("the shard answers");
        &self.buffer
    }
}

fn sum(a: Figures, b: Figures) -> Figures {
    Figures {
        asked: a.asked + b.asked,
        hits: a.hits + b.hits,
        evicted: a.evicted + b.evicted,
        not_kept: a.not_kept + b.not_kept,
        most: a.most + b.most,
    }
}
