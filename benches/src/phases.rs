//! A run whose memory is looked at as it goes: at the end of each phase, while it rests, after a trim.

use std::time::{Duration, Instant};
use std::{io, thread};

use stratalloc_samples::Look;

use crate::calls::MadviseCalls;
use crate::look::Held;
use crate::plan::Plan;

/// Seconds of rest after which memory is looked at, and what that look is called.
const RESTS: [(u64, &str); 3] = [(1, "1 s asleep"), (5, "5 s asleep"), (12, "12 s asleep")];

/// Room for this many looks is taken before the first, so that none of them allocates.
const MOST: usize = 64;

/// One run, and what was seen of it so far.
#[derive(Debug)]
pub struct Phases<'a> {
    /// What is to be done.
    pub plan: &'a Plan,
    /// No rest is longer than this.
    longest_rest: u64,
    trim: Option<fn()>,
    start: Instant,
    calls: Option<MadviseCalls>,
    looks: Vec<Seen>,
}

/// A look under a name that needs no memory.
#[derive(Clone, Copy, Debug)]
struct Seen {
    phase: &'static str,
    at: Duration,
    live: usize,
    held: Held,
    madvise: Option<u64>,
}

impl<'a> Phases<'a> {
    /// Begins a run of `plan`, whose rests are at most `longest_rest` seconds long. `trim` makes the allocator give
    /// back what it can, if there is a way to.
    pub fn begin(plan: &'a Plan, longest_rest: u64, trim: Option<fn()>) -> Self {
        let (start, calls) = (Instant::now(), MadviseCalls::start());
        let looks = Vec::with_capacity(MOST);
        let mut phases = Self { plan, longest_rest, trim, start, calls, looks };
        phases.base();
        phases
    }

    /// Takes what is held now for the program's own: later figures are over it.
    pub fn base(&mut self) {
        self.looks.clear();
        self.end("start", 0);
    }

    /// Ends a phase, after which `live` bytes are in use.
    ///
    /// # Panics
    /// When there are too many phases, or two of one name, or the kernel doesn't tell what is held.
    pub fn end(&mut self, phase: &'static str, live: usize) {
        let seen = self.look(phase, live).expect("the kernel tells what a process holds");
        assert!(self.looks.len() < MOST, "no room for another look");
        assert!(self.looks.iter().all(|seen| seen.phase != phase), "two phases are called {phase}");
        self.looks.push(seen);
    }

    /// Ends a phase, in which other processes had `live` bytes in use for themselves and held `resident_kib`.
    ///
    /// # Panics
    /// As [`Phases::end`].
    pub fn end_apart(&mut self, phase: &'static str, live: usize, resident_kib: u64) {
        let base = self.looks[0].held.resident_kib;
        self.end(phase, live);
        if let Some(seen) = self.looks.last_mut() {
            seen.held.resident_kib = base + resident_kib;
        }
    }

    /// Looks at the middle of a phase, with `live` bytes in use: of all its looks the one with the most memory over
    /// what lives is kept.
    ///
    /// # Panics
    /// As [`Phases::end`].
    pub fn worst(&mut self, phase: &'static str, live: usize) {
        let Some(index) = self.looks.iter().position(|seen| seen.phase == phase) else {
            return self.end(phase, live);
        };
        let seen = self.look(phase, live).expect("the kernel tells what a process holds");
        let base = self.looks[0].held.resident_kib;
        let over = |seen: &Seen| {
            seen.held.resident_kib.saturating_sub(base) as f64 / seen.live.max(1) as f64
        };
        if over(&seen) > over(&self.looks[index]) {
            self.looks[index] = seen;
        }
    }

    /// Sleeps with `live` bytes in use, for at most `seconds`, and looks after 1, 5 and 12 of them. Whoever has
    /// something to do meanwhile does it in `trickle`, about a thousand times a second.
    pub fn rest(&mut self, live: usize, seconds: u64, mut trickle: Option<&mut dyn FnMut()>) {
        let (start, longest) = (Instant::now(), seconds.min(self.longest_rest));
        for (seconds, phase) in RESTS.into_iter().filter(|(seconds, _)| *seconds <= longest) {
            let end = start + Duration::from_secs(seconds);
            while let Some(left) = end.checked_duration_since(Instant::now()) {
                let Some(trickle) = &mut trickle else {
                    thread::sleep(left);
                    break;
                };
                trickle();
                thread::sleep(left.min(Duration::from_millis(1)));
            }
            self.end(phase, live);
        }
    }

    /// Has the allocator give back what it can, with `live` bytes in use; no look where it offers no way to.
    pub fn trim(&mut self, live: usize) {
        if let Some(trim) = self.trim {
            trim();
            self.end("trimmed", live);
        }
    }

    /// What was seen.
    pub fn looks(&self) -> Vec<Look> {
        self.looks.iter().map(Seen::line).collect()
    }

    fn look(&mut self, phase: &'static str, live: usize) -> io::Result<Seen> {
        let madvise = self.calls.as_mut().and_then(MadviseCalls::so_far);
        Ok(Seen { phase, at: self.start.elapsed(), live, held: Held::now()?, madvise })
    }
}

impl Seen {
    fn line(&self) -> Look {
        let Held { resident_kib, huge_kib, page_tables_kib, mappings, faults } = self.held;
        Look {
            phase: self.phase.to_owned(),
            at_ms: u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX),
            live_kib: self.live as u64 / 1024,
            resident_kib,
            huge_kib,
            page_tables_kib,
            mappings,
            faults,
            madvise: self.madvise,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::{Phases, Plan};

    #[test]
    fn the_worst_of_several_looks_is_kept() {
        let plan = Plan { threads: 1, scale: 1, seed: 1 };
        let mut phases = Phases::begin(&plan, 0, None);
        let most = black_box(vec![1_u8; 64 << 20]);
        phases.worst("working", 32 << 20);
        phases.worst("working", 128 << 20);
        phases.rest(0, 12, None);
        phases.trim(0);
        drop(most);
        let looks = phases.looks();
        assert_eq!(
            looks.iter().map(|look| look.phase.as_str()).collect::<Vec<_>>(),
            ["start", "working"]
        );
        assert_eq!(looks[1].live_kib, 32 << 10);
        assert!(looks[1].resident_kib >= looks[0].resident_kib + (60 << 10));
    }

    #[test]
    fn a_rest_ends_with_a_look_and_does_its_trickle() {
        let plan = Plan { threads: 1, scale: 1, seed: 1 };
        let (mut phases, mut count) = (Phases::begin(&plan, 1, Some(|| ())), 0);
        phases.rest(5 << 10, 12, Some(&mut || count += 1));
        phases.trim(0);
        let looks = phases.looks();
        assert_eq!((looks[1].phase.as_str(), looks[1].live_kib), ("1 s asleep", 5));
        assert!(looks[1].at_ms >= 1000 && count > 0);
        assert_eq!(looks[2].phase, "trimmed");
    }
}
