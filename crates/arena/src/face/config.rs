//! A program's choices about the process's allocator.

use core::{sync::atomic::Ordering, time::Duration};

use crate::{
    face::limit,
    policy::{huge_pages, keep},
    process::{background, decay, frees::Frees, sampling, thread},
    sys,
    thresholds::{DECAY_DEFAULT, FENCED_DEFAULT, KEEP_DEFAULT, MAX_FENCED, SHARE_DEFAULT},
};

/// Choices about memory, for [`apply`](Self::apply) at a program's start. Without it, the default holds.
///
/// In a constant, a choice out of its range doesn't compile.
///
/// ```
/// use std::time::Duration;
/// use stratalloc_arena::Config;
///
/// const CONFIG: Config = Config::new()
///     .keep(8 << 20)
///     .decay(Duration::from_secs(10))
///     .limit(2 << 30);
///
/// CONFIG.apply()?;
/// # Config::new().apply()?;
/// # Ok::<(), stratalloc_arena::limit::Exceeded>(())
/// ```
///
/// ```compile_fail
/// use stratalloc_arena::Config;
/// const TOO_LITTLE: Config = Config::new().limit(4096);
/// # TOO_LITTLE.apply();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a choice has to be applied"]
pub struct Config {
    limit: Option<usize>,
    keep: usize,
    share: usize,
    decay: u64,
    huge_pages: bool,
    madvise: bool,
    background: bool,
    guards: usize,
    guard_slots: usize,
}

impl Config {
    /// The least limit in bytes: a few times the blocks that a thread may have in stock.
    pub const LEAST_LIMIT: usize = 16 << 20;
    /// The longest decay: a day.
    pub const LONGEST_DECAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// The blocks that may be [fenced](Self::guards) at a time by default.
    pub const GUARD_SLOTS: usize = FENCED_DEFAULT;
    /// The most blocks that may be [fenced](Self::guards) at a time.
    pub const MOST_GUARD_SLOTS: usize = MAX_FENCED;

    /// The default.
    pub const fn new() -> Self {
        Self {
            limit: None,
            keep: KEEP_DEFAULT,
            share: SHARE_DEFAULT,
            decay: DECAY_DEFAULT,
            huge_pages: true,
            madvise: true,
            background: false,
            guards: 0,
            guard_slots: Self::GUARD_SLOTS,
        }
    }

    /// The most bytes that the process may [hold](crate::face::limit). No limit by default.
    ///
    /// # Panics
    ///
    /// Below [`LEAST_LIMIT`](Self::LEAST_LIMIT).
    pub const fn limit(mut self, bytes: usize) -> Self {
        assert!(bytes >= Self::LEAST_LIMIT, "a limit is 16 MiB or more");
        self.limit = Some(bytes);
        self
    }

    /// The bytes that serve nothing and are kept for the next use in any case, by all threads together: 32 MiB by default.
    /// [A share](Self::keep_percent) of what is in use is kept besides.
    /// Half as many again are kept for five seconds after some were given back; and as many as a thread's heap had in use,
    /// where that rose and fell three times in these five seconds.
    pub const fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }

    /// How many hundredths of the bytes in use may be kept besides [`keep`](Self::keep): 25 by default.
    /// Of the first `keep` bytes in use it is four times as many, up to all of them.
    ///
    /// # Panics
    ///
    /// Above 100.
    pub const fn keep_percent(mut self, percent: usize) -> Self {
        assert!(percent <= 100, "a share is 100 percent at most");
        self.share = percent;
        self
    }

    /// The time for which memory that serves nothing is kept at most, to the millisecond: 10 s by default; zero for ever.
    /// Memory beyond the amount that is [kept](Self::keep) goes back before.
    ///
    /// Threads give it back as they allocate and free; an idle process keeps its memory, unless it has a thread in the
    /// [background](Self::background).
    ///
    /// # Panics
    ///
    /// Above [`LONGEST_DECAY`](Self::LONGEST_DECAY).
    pub const fn decay(mut self, decay: Duration) -> Self {
        assert!(decay.as_secs() <= Self::LONGEST_DECAY.as_secs(), "a decay is a day at most");
        self.decay = decay.as_millis() as u64;
        self
    }

    /// Whether huge pages are asked for: by default they are, unless there is a limit.
    ///
    /// They come behind slabs where a heap holds 64 MiB or more (128 for classes above 2 KiB), and behind blocks of 8 MiB
    /// or more where it holds 32 MiB with them, unless these are asked for zeroed. Memory that was used before stays as it
    /// is.
    pub const fn huge_pages(mut self, wanted: bool) -> Self {
        self.huge_pages = wanted;
        self
    }

    /// Whether `madvise` is called: by default it is. A sandbox may end the process for this call.
    ///
    /// Without it there are no huge pages but where the system gives them to all memory, and memory goes back only where
    /// whole stretches of it serve nothing, by `munmap`; not behind free blocks among others. Large blocks that move are copied.
    pub const fn madvise(mut self, wanted: bool) -> Self {
        self.madvise = wanted;
        self
    }

    /// Whether a thread of the allocator's own gives memory back in time while the program's threads sleep: by default
    /// there is none.
    ///
    /// It wakes twice in each [decay](Self::decay), takes no signals, and has a stack of 64 KiB or a little more. A child
    /// of a fork starts its own as it allocates. Blocks in the stocks of threads stay there.
    pub const fn background(mut self, wanted: bool) -> Self {
        self.background = wanted;
        self
    }

    /// Has one in so many small blocks fenced on average, chosen at random: by default and at zero, none.
    ///
    /// A fenced block lies alone on a page between pages that can't be used, at the page's start or at its end. So an access
    /// before it, past its end, or to it once it was freed, is a fault at once. It is reported on standard error, with the
    /// calls that allocated the block and those that freed it, and then ends the process as it would have done; so is a wrong
    /// free of one, at the call. Blocks of up to 4096 bytes are fenced, of that alignment at most; those of a
    /// [tag](crate::tag), and of heaps as values, never are.
    ///
    /// A handler of `SIGSEGV` is set for that, once, which hands all other faults on to the one that was there. While blocks
    /// are fenced, each free takes its slow path, as while the [profile](crate::profile) takes samples. Where the system
    /// refuses memory for it, no block is fenced, which [`guards_are_on`](Self::guards_are_on) tells.
    ///
    /// ```
    /// stratalloc_arena::Config::new().guards(1000).apply()?;
    /// # stratalloc_arena::Config::new().apply()?;
    /// # Ok::<(), stratalloc_arena::limit::Exceeded>(())
    /// ```
    pub const fn guards(mut self, one_in: usize) -> Self {
        self.guards = one_in;
        self
    }

    /// How many blocks may be [fenced](Self::guards) at a time, those that were freed and wait for their page's next use among
    /// them: 256 by default. Each takes a page, and two of the process's mappings. While all are live, no further block is
    /// fenced.
    ///
    /// # Panics
    ///
    /// At zero, and above [`MOST_GUARD_SLOTS`](Self::MOST_GUARD_SLOTS).
    pub const fn guard_slots(mut self, slots: usize) -> Self {
        assert!(0 < slots && slots <= Self::MOST_GUARD_SLOTS, "there are 1 to 1024 slots");
        self.guard_slots = slots;
        self
    }

    /// Whether the process has blocks [fenced](Self::guards): once that was applied, unless the system refused memory for it.
    #[must_use]
    pub fn guards_are_on() -> bool {
        sampling::are_fencing()
    }

    /// Applies these choices to the process, in place of earlier ones.
    ///
    /// # Errors
    ///
    /// If more than the limit is held already; then nothing changes.
    pub fn apply(self) -> Result<(), limit::Exceeded> {
        limit::set(self.limit)?;
        keep::KEEP.store(self.keep, Ordering::Relaxed);
        keep::SHARE.store(self.share, Ordering::Relaxed);
        decay::set(self.decay);
        huge_pages::set(self.huge_pages);
        sys::set_advice(self.madvise);
        // So that a child of a fork finds that it has no such thread.
        thread::watch_forks();
        background::set::<Frees>(self.background);
        sampling::set_fences(self.guards, self.guard_slots);
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
