//! The service for browsers: `GET /LEVEL/NUMBER` answers with the SVG.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
};

use super::{
    service::{Client, Service},
    tile::Tile,
};

/// The level beyond which a tile isn't drawn: its circles would be points.
const LEVELS: u8 = 16;

/// Answers at an address for ever, each connection in a thread of its own.
pub(crate) fn listen(address: &str, service: &Service) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("http://{}/9/1", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, client) = (stream?, service.client());
        // Who hangs up ends the connection, not the service.
        thread::spawn(move || answer_all(&stream, &stream, client));
    }
    Ok(())
}

/// Answers the requests of a connection until it ends.
pub(crate) fn answer_all(
    from: impl Read,
    mut to: impl Write,
    mut client: Client,
) -> io::Result<()> {
    // Longer requests are nobody's.
    let mut lines = BufReader::new(from).take(1 << 20).lines();
    while let Some(first) = lines.next() {
        let tile = parse(&first?);
        for header in lines.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        let (status, body) = match tile.map(|tile| client.draw(tile)) {
            None => ("404 Not Found", &[][..]),
            Some([]) => ("503 Service Unavailable", &[][..]),
            Some(text) => ("200 OK", text),
        };
        write!(to, "HTTP/1.1 {status}\r\nContent-Type: image/svg+xml\r\n")?;
        write!(to, "Content-Length: {}\r\n\r\n", body.len())?;
        to.write_all(body)?;
    }
    Ok(())
}

/// The tile that a request's first line asks for.
fn parse(line: &str) -> Option<Tile> {
    let path = line.strip_prefix("GET /")?.split(' ').next()?;
    let (level, number) = path.split_once('/')?;
    let tile = Tile { level: level.parse().ok()?, number: number.parse().ok()? };
    (tile.level <= LEVELS).then_some(tile)
}
