//! The tile server answers the same with each of its layers, and keeps to its bound.

#![cfg(target_env = "gnu")]

use std::io;

#[path = "../examples/tile_server/main.rs"]
#[allow(dead_code, reason = "what only the program needs")]
mod tile_server;

use tile_server::{http, layers::Layers, load::Load, service::Service, shard::Size};

/// One client, so that tiles are asked for in the same order each time.
const SMALL: Load = Load { shards: 2, clients: 1, requests: 900, tiles: 3000, bytes: 3 << 20 };

#[test]
fn every_layer_answers_alike_and_keeps_to_its_bound() {
    let figures = Layers::ALL.map(|layers| {
        // Looks at every answer.
        let service = SMALL.start(layers);
        SMALL.run(&service);
        (layers, service.end())
    });
    for (layers, figures) in figures {
        assert!(
            figures.asked > 3 * SMALL.requests && figures.hits > figures.asked / 10,
            "{layers:?} {figures:?}"
        );
        assert!(figures.evicted > 100, "{layers:?} {figures:?}");
        assert_eq!(figures.not_kept, 0, "{layers:?}");
    }
    // With a heap's reference in an entry a tile costs as much in all of them.
    let [_, (_, heaps), (_, blocks), (_, requests), _] = figures;
    assert_eq!((heaps, heaps), (blocks, requests));
}

#[test]
fn browsers_get_tiles() {
    let service = Service::start(Layers::RequestHeaps, 2, Size { tiles: 100, bytes: 1 << 20 });
    let requests =
        "GET /3/7 HTTP/1.1\r\nHost: here\r\n\r\nGET /3/x HTTP/1.1\r\n\r\nGET /3/7\r\n\r\n";
    let mut answers = Vec::new();
    http::answer_all(io::Cursor::new(requests), &mut answers, service.client()).unwrap();
    let answers = String::from_utf8(answers).unwrap();
    let parts: Vec<_> = answers.split("HTTP/1.1 ").collect();
    let ["", first, second, third] = parts[..] else { panic!("{answers}") };
    assert!(first.starts_with("200 OK\r\n") && first.contains("<title>7 of level 3</title>"));
    assert!(second.starts_with("404 ") && second.ends_with("Content-Length: 0\r\n\r\n"));
    assert_eq!(first, third);
    assert_eq!(service.end().hits, 1);
}
