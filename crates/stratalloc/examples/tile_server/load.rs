//! The load: clients that ask for tiles, some much more often than others, and for larger ones from phase to phase.

use std::{sync::Barrier, thread};

use allocator_api2_02::alloc::Global;

use super::{
    layers::Layers,
    random::Random,
    service::{Client, Service},
    shard::Size,
    tile::{Tile, render},
};

/// How much is asked for, and of how many shards.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) shards: usize,
    pub(crate) clients: usize,
    /// Requests of each client in each phase.
    pub(crate) requests: usize,
    /// Tiles of each level.
    pub(crate) tiles: u32,
    /// Bytes for all shards.
    pub(crate) bytes: usize,
}

/// The lowest of three levels in each phase: texts of 0.2 to 0.7, 0.8 to 1.6, and 2 to 3.5 KB.
const PHASES: [u8; 3] = [1, 4, 7];
/// One answer in so many is drawn once more, and compared.
const COMPARED: usize = 16;

impl Load {
    pub(crate) const FULL: Self =
        Self { shards: 2, clients: 2, requests: 40_000, tiles: 60_000, bytes: 32 << 20 };

    /// Starts a service.
    pub(crate) fn start(self, layers: Layers) -> Service {
        let bytes = self.bytes / self.shards;
        Service::start(layers, self.shards, Size { tiles: bytes / 600, bytes })
    }

    /// Puts the load on a service, and has it forget its tiles.
    ///
    /// # Panics
    ///
    /// If an answer is wrong.
    pub(crate) fn run(self, service: &Service) {
        // They are in one phase together, so that they ask for the same tiles.
        let phase = &Barrier::new(self.clients);
        thread::scope(|scope| {
            for seed in 0..self.clients {
                let client = service.client();
                scope.spawn(move || self.ask(client, seed, phase));
            }
        });
        service.clear();
        // Each shard has done so once it answers again.
        let mut client = service.client();
        (0..8 * self.shards as u32).for_each(|number| {
            client.draw(Tile { level: 0, number });
        });
    }

    fn ask(self, mut client: Client, seed: usize, phase: &Barrier) {
        let mut random = Random::new(seed as u64 * 7919 + 1);
        for lowest in PHASES {
            phase.wait();
            for request in 0..self.requests {
                // The least of three: a tenth of the tiles has 27 of 100 requests.
                let number =
                    (0..3).fold(self.tiles, |least, _| least.min(random.below(self.tiles)));
                let tile = Tile { level: lowest + (number % 3) as u8, number };
                check(tile, client.draw(tile), request % COMPARED == 0);
            }
        }
    }
}

fn check(tile: Tile, answer: &[u8], whole: bool) {
    let title = format!("<title>{} of level {}</title>", tile.number, tile.level);
    let second = answer.split(|&byte| byte == b'\n').nth(1);
    assert_eq!(second, Some(title.as_bytes()), "{tile:?}");
    assert!(answer.ends_with(b"</svg>\n"), "{tile:?}");
    if whole {
        let drawn = render(tile, Global).expect("there is memory");
        assert!(*answer == *drawn.text.0, "{tile:?}");
    }
}
