//! A tokio service of three parts, of which one leaks: tags tell which it is and how much, exactly, and a profile which
//! function allocated it. `cargo run --release -p stratalloc --example tenants`

use std::{collections::HashMap, error::Error, hint::black_box};

use stratalloc::{
    profile,
    tag::{self, Tag},
};
use stratalloc_profile::{Profile, Quantity, Symbols};
use tokio::{runtime, sync::mpsc, task};

#[global_allocator]
static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;

/// Bytes between samples: short, since this program is small.
const INTERVAL: usize = 16 << 10;
const REQUESTS: usize = 4000;
const ROUNDS: usize = 3;

/// The parts of the service.
const PARTS: [&str; 3] = ["rendering", "cache", "sessions"];

/// Pages, each of which is thrown away.
async fn render(mut requests: mpsc::Receiver<usize>) {
    while let Some(request) = requests.recv().await {
        let page = black_box(format!("<p>request {request}</p>").repeat(20));
        task::yield_now().await;
        drop(page);
    }
}

/// What is asked for again and again, of which there is one of each kind.
async fn remember(mut requests: mpsc::Receiver<usize>) {
    let mut kept = HashMap::new();
    while let Some(request) = requests.recv().await {
        kept.insert(request % 500, vec![1_u8; 1000]);
    }
}

/// A session for each request, that nobody ends.
#[inline(never)]
fn log_in(sessions: &mut Vec<String>, request: usize) {
    sessions.push(format!("session of request {request:0100}"));
}

async fn keep_sessions(mut requests: mpsc::Receiver<usize>) {
    let mut sessions = Vec::new();
    while let Some(request) = requests.recv().await {
        log_in(&mut sessions, request);
    }
}

/// The function of this program that holds most, by the samples.
fn largest_holder() -> Result<String, Box<dyn Error>> {
    let profile = Profile::take()?;
    let mut symbols = Symbols::new(&profile);
    let mut held = HashMap::<String, u64>::new();
    for site in &profile.sites {
        let trace = symbols.trace(site);
        let own = trace.iter().find(|(_, frame)| frame.function.starts_with("tenants::"));
        if let Some((_, frame)) = own {
            *held.entry(frame.function.clone()).or_default() += site.figures(Quantity::Live).bytes;
        }
    }
    let most = held.into_iter().max_by_key(|&(_, bytes)| bytes);
    Ok(most.ok_or("nothing was sampled")?.0)
}

/// The tag that grew most between two looks, and by how many bytes.
fn largest_growth(tags: [Tag; 3], before: [usize; 3]) -> Option<(Tag, usize)> {
    let grown = tags.into_iter().zip(before);
    let grown = grown.map(|(tag, was)| (tag, tag.figures().live_bytes.saturating_sub(was)));
    grown.max_by_key(|&(_, bytes)| bytes)
}

async fn serve(tags: [Tag; 3]) -> Result<(), Box<dyn Error>> {
    let [(to_render, a), (to_remember, b), (to_log_in, c)] = [(); 3].map(|()| mpsc::channel(64));
    // Each task is in its tag wherever it is polled.
    let tasks = [
        task::spawn(tag::tagged(tags[0], render(a))),
        task::spawn(tag::tagged(tags[1], remember(b))),
        task::spawn(tag::tagged(tags[2], keep_sessions(c))),
    ];
    for round in 1..=ROUNDS {
        let before = tags.map(|tag| tag.figures().live_bytes);
        for request in 0..REQUESTS {
            for channel in [&to_render, &to_remember, &to_log_in] {
                channel.send(round * REQUESTS + request).await?;
            }
        }
        println!("after {} requests:", round * REQUESTS);
        for tag in tags {
            let figures = tag.figures();
            println!(
                "  {tag:9} {:5} KB live in {:5} blocks, {:5} KB at the peak, {:6} KB allocated",
                figures.live_bytes / 1000,
                figures.live_blocks,
                figures.peak_bytes / 1000,
                figures.allocated_bytes / 1000,
            );
        }
        if round > 1 {
            let (tag, bytes) = largest_growth(tags, before).ok_or("there are tags")?;
            println!("  {tag} grew by {} KB", bytes / 1000);
            assert_eq!(tag.name(), "sessions");
        }
    }
    let holder = largest_holder()?;
    println!("most of that is held by {holder}");
    assert!(holder.ends_with("log_in"), "{holder} leaks, it says");
    drop((to_render, to_remember, to_log_in));
    for task in tasks {
        task.await?;
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    profile::start(INTERVAL)?;
    let mut tags = Vec::new();
    for part in PARTS {
        tags.push(Tag::named(part)?);
    }
    let tags: [Tag; 3] = tags.try_into().expect("one for each part");
    let service = runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    service.block_on(serve(tags))?;
    drop(service);
    // The tasks are gone, and with them all that they held.
    for tag in tags {
        println!("at the end {tag} holds {} blocks", tag.figures().live_blocks);
        assert_eq!(tag.figures().live_blocks, 0, "{tag}");
    }
    Ok(())
}
