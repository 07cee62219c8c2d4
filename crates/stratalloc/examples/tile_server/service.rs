//! The service: a thread for each shard of the map, with memory of its own that no other thread touches.

use std::{
    mem,
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

use super::{
    cache::Figures,
    layers::Layers,
    shard::{Request, Size, run_shard},
    tile::Tile,
};

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
