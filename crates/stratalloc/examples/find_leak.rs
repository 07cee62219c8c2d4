//! A service that leaks in one of its three tasks, and asks its own allocator which: the one that holds most, and
//! more each time. `cargo run --release -p stratalloc --example find_leak`

use std::{collections::HashMap, error::Error, hint::black_box, thread};

use stratalloc::profile;
use stratalloc_profile::{Profile, Quantity, Symbols};

#[global_allocator]
static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;

/// Bytes between samples: short, since this program is small.
const INTERVAL: usize = 32 << 10;
const REQUESTS: usize = 20_000;

/// Answers, of which each is thrown away.
#[inline(never)]
fn render(request: usize) {
    black_box(format!("<p>request {request}</p>").repeat(20));
}

/// What is asked for again and again, of which there is one of each kind.
#[inline(never)]
fn remember(cache: &mut HashMap<usize, Vec<u8>>, request: usize) {
    cache.insert(request % 500, vec![1; 1000]);
}

/// A session for each request, that nobody ends.
#[inline(never)]
fn log_in(sessions: &mut Vec<String>, request: usize) {
    sessions.push(format!("session of request {request:0100}"));
}

/// Returns the function of this program that holds most, and how many bytes.
fn largest_holder(profile: &Profile) -> Option<(String, u64)> {
    let mut symbols = Symbols::new(profile);
    let mut held = HashMap::<String, u64>::new();
    for site in &profile.sites {
        let trace = symbols.trace(site);
        let own = trace.iter().find(|(_, frame)| frame.function.starts_with("find_leak::"));
        if let Some((_, frame)) = own {
            *held.entry(frame.function.clone()).or_default() += site.figures(Quantity::Live).bytes;
        }
    }
    held.into_iter().max_by_key(|&(_, bytes)| bytes)
}

fn serve(requests: usize) -> Result<(), Box<dyn Error>> {
    let (mut cache, mut sessions) = (HashMap::new(), Vec::new());
    for round in 1..=3 {
        for request in 0..requests {
            render(request);
            remember(&mut cache, request);
            log_in(&mut sessions, round * requests + request);
        }
        let profile = Profile::take()?;
        let live = profile.total(Quantity::Live);
        let (holder, bytes) = largest_holder(&profile).ok_or("nothing was sampled")?;
        println!(
            "after {} requests: {} ± {:.0} KB live, of which {holder} has {}",
            round * requests,
            live.bytes / 1000,
            live.error / 1000.0,
            bytes / 1000
        );
        assert!(holder.ends_with("log_in"), "{holder} leaks, it says");
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    profile::start(INTERVAL)?;
    // A thread that starts now is sampled from its first block on.
    thread::spawn(|| serve(REQUESTS).map_err(|error| error.to_string()))
        .join()
        .expect("it serves")?;
    Ok(())
}
