//! What changed from one census to another.

use core::{
    cmp::Reverse,
    fmt::{self, Display, Formatter},
};

use crate::inspect::{
    Stats,
    census::{CLASSES, Census, ClassFigures, Events},
};

/// What changed from one [`Census`] to a later one: more is positive, less negative.
///
/// Shown as a line for each size class of which more or fewer blocks are live than before, the largest growth first, and
/// for blocks beyond the classes.
///
/// ```
/// use stratalloc_arena::{Census, global};
///
/// let before = Census::take();
/// # let mut kept = Vec::new();
/// for _ in 0..1000 {
///     let block = global::allocate(200, 8); // and nobody frees it
/// #   kept.push(block);
/// }
/// let changes = Census::take().since(&before);
/// let grown = changes.classes.iter().max_by_key(|class| class.bytes()).unwrap();
/// assert!(grown.block_size == 208 && grown.live >= 1000);
/// println!("{changes}"); // +1008 blocks of 208, +209664 bytes
/// # // SAFETY: live; freed once.
/// # kept.into_iter().for_each(|block| unsafe { global::deallocate(block) });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Changes {
    /// Each size class, smallest first.
    #[cfg_attr(feature = "serde", serde(serialize_with = "super::as_sequence"))]
    pub classes: [ClassChanges; CLASSES],
    /// Bytes of live blocks beyond the classes, of up to 4 GiB each.
    pub large: isize,
    /// Bytes of huge blocks.
    pub huge: isize,
    /// Bytes that may have memory behind them.
    pub touched: isize,
    /// Bytes of whole segments that serve nothing.
    pub vacant: isize,
    /// What happened in between. The peak is that of the later census, since it is of all the time before.
    pub events: Events,
}

/// What changed of one size class, in blocks but where said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ClassChanges {
    /// Bytes of a block.
    pub block_size: usize,
    /// Live ones.
    pub live: isize,
    /// Free ones in segments that serve the class.
    pub free: isize,
    /// Given back in between by threads that don't own them, and taken in.
    pub remote_frees: u64,
    /// Segments that serve the class.
    pub segments: isize,
    /// Bytes of these that may have memory behind them.
    pub touched: isize,
}

impl ClassChanges {
    /// Bytes of the live blocks.
    pub const fn bytes(&self) -> isize {
        self.live * more(0, self.block_size)
    }

    fn between(then: &ClassFigures, now: &ClassFigures) -> Self {
        Self {
            block_size: now.block_size,
            live: more(then.live, now.live),
            free: more(then.free, now.free),
            remote_frees: now.remote_frees.saturating_sub(then.remote_frees),
            segments: more(then.segments, now.segments),
            touched: more(then.touched, now.touched),
        }
    }
}

/// How much more there is now than then.
#[expect(clippy::cast_possible_wrap, reason = "no figure has the highest bit")]
const fn more(then: usize, now: usize) -> isize {
    now as isize - then as isize
}

impl Census {
    /// What changed since an earlier census.
    pub fn since(&self, earlier: &Self) -> Changes {
        let classes = core::array::from_fn(|class| {
            ClassChanges::between(&earlier.classes[class], &self.classes[class])
        });
        let total = |of: fn(&Stats) -> usize| more(of(&earlier.totals), of(&self.totals));
        let small: isize = classes.iter().map(ClassChanges::bytes).sum();
        Changes {
            classes,
            large: total(|stats| stats.in_use) - small,
            huge: total(|stats| stats.huge),
            touched: total(|stats| stats.touched),
            vacant: total(|stats| stats.vacant),
            events: self.events.since(&earlier.events),
        }
    }
}

impl Events {
    /// What an arena heap counted is forgotten as the heap ends: no figure falls below zero for that.
    fn since(&self, earlier: &Self) -> Self {
        Self {
            peak_in_use: self.peak_in_use,
            purges: self.purges.saturating_sub(earlier.purges),
            purged: self.purged.saturating_sub(earlier.purged),
            minor_faults: self.minor_faults.saturating_sub(earlier.minor_faults),
            major_faults: self.major_faults.saturating_sub(earlier.major_faults),
        }
    }
}

impl Display for Changes {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let mut classes = self.classes;
        classes.sort_unstable_by_key(|class| Reverse(class.bytes()));
        for class in classes.iter().filter(|class| class.live != 0) {
            let (live, bytes) = (class.live, class.bytes());
            writeln!(out, "{live:+} blocks of {}, {bytes:+} bytes", class.block_size)?;
        }
        for (bytes, kind) in [(self.large, "large"), (self.huge, "huge")] {
            if bytes != 0 {
                writeln!(out, "{kind} blocks, {bytes:+} bytes")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec::Vec};

    use super::*;

    #[test]
    fn more_is_positive_and_less_is_negative() {
        let (mut then, mut now) = (Census::default(), Census::default());
        for (census, live, remote) in [(&mut then, [10, 7, 0], 5), (&mut now, [4, 7, 90], 8)] {
            for (class, live) in live.into_iter().enumerate() {
                let figures = &mut census.classes[class];
                figures.block_size = (class + 1) * 100;
                (figures.live, figures.remote_frees) = (live, remote);
                census.totals.in_use += figures.bytes();
            }
        }
        now.totals.in_use += 5000;
        then.totals.huge = 1 << 33;
        (then.events.purges, now.events.purges) = (3, 10);
        // Of a heap that ended.
        (then.events.purged, now.events.purged) = (1000, 10);
        let changes = now.since(&then);
        let live: Vec<_> = changes.classes.iter().take(3).map(|class| class.live).collect();
        assert_eq!(live, [-6, 0, 90]);
        assert_eq!((changes.classes[0].bytes(), changes.classes[0].remote_frees), (-600, 3));
        assert_eq!((changes.large, changes.huge), (5000, -(1 << 33)));
        assert_eq!((changes.events.purges, changes.events.purged), (7, 0));
        let lines = "+90 blocks of 300, +27000 bytes\n-6 blocks of 100, -600 bytes\n\
                     large blocks, +5000 bytes\nhuge blocks, -8589934592 bytes\n";
        assert_eq!(changes.to_string(), lines);
        assert_eq!(now.since(&now).to_string(), "");
    }
}
