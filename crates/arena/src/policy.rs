//! The policy: it decides by figures, and by the table of `thresholds`, which memory is kept and which goes back.

pub(crate) mod admission;
pub(crate) mod grant;
pub(crate) mod huge_pages;
pub(crate) mod keep;
pub(crate) mod sampling;

use crate::{
    plan::geometry::Partition,
    thresholds::{
        GRACE, GRACE_TIMES, HEAP_MINIMUM, MAX_WAITING, PATIENCE, READY, REST, SHRINKS, SHRUNK,
        WORTH_PURGING_REST, WORTH_PURGING_SLAB, WORTH_PURGING_STRETCH, WORTH_PURGING_TAIL,
        WORTH_RETURNING, WORTH_TURNING, WORTH_VACATING,
    },
};

/// Whether the memory of a whole block that was freed at this time is likely to serve again; zero is no time.
pub(crate) fn will_serve_again(freed_at: u32, now: u32) -> bool {
    freed_at != 0 && now.wrapping_sub(freed_at) < GRACE
}

/// Whether so many dirty bytes may be kept for a moment, if they are likely to serve again.
pub(crate) fn may_wait(dirty: usize, share: usize) -> bool {
    dirty / GRACE_TIMES <= share
}

/// The least stretch in bytes to be given back. Where all memory that serves nothing is to go, it is a page: the blocks in
/// threads' stocks lie scattered, and leave many stretches of one page.
pub(crate) fn least_stretch(rested: bool) -> usize {
    if rested { WORTH_PURGING_STRETCH } else { 4 << 10 }
}

/// The least bytes behind the end of a block that shrinks that are given back.
pub(crate) fn least_tail(old: usize, size: usize) -> usize {
    if size <= old / 2 { WORTH_PURGING_REST } else { WORTH_PURGING_TAIL }
}

/// Whether a slab with so many idle bytes is looked through for pages to give back.
pub(crate) fn is_worth_purging_slab(idle: usize, partition: Partition) -> bool {
    idle >= partition.segment_size() / WORTH_PURGING_SLAB
}

/// Whether a slab with so many idle bytes, and so many at the last look, is no longer being emptied.
pub(crate) fn has_rested(seen: usize, idle: usize, partition: Partition) -> bool {
    idle < seen + partition.segment_size() / WORTH_PURGING_SLAB
}

/// Whether so many warm bytes of a segment are worth a new slab there.
pub(crate) fn is_worth_turning_to(warm: usize) -> bool {
    warm >= WORTH_TURNING
}

/// Whether a slab that grows by such bytes reaches into another stretch that is worth a look at what else could serve.
pub(crate) fn is_in_another_stretch(from: usize, to: usize) -> bool {
    from / WORTH_TURNING != to / WORTH_TURNING
}

/// Whether so many warm bytes of free blocks in another slab of a bin are worth turning to that.
pub(crate) fn is_worth_returning_to(warm: usize) -> bool {
    warm >= WORTH_RETURNING
}

/// Whether a slab of which so many bytes were ever handed out is worth vacating for another bin.
pub(crate) fn is_worth_vacating(carved: usize) -> bool {
    carved >= WORTH_VACATING
}

/// Whether idle heaps may be asked for memory again.
pub(crate) fn may_ask_again(last: u64, now: u64) -> bool {
    now >= last + REST
}

/// Whether a heap that holds so many bytes may look at its slabs again, so many milliseconds after the last time, with so
/// many bytes less in use.
pub(crate) fn may_look_at_slabs(passed: u64, freed: usize, held: usize) -> bool {
    let shrinks = freed as u64 * REST > (held / SHRINKS) as u64 * passed;
    passed >= REST && (!shrinks || freed >= held / SHRUNK)
}

/// The slabs that are looked at for pages to give back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slabs {
    All,
    /// Those that aren't being emptied.
    Rested,
    None,
}

/// Whether so many bytes may wait in an inbox.
pub(crate) fn may_wait_in_inbox(bytes: usize) -> bool {
    bytes < MAX_WAITING
}

/// Whether so many bytes of blocks may be kept as magazines.
pub(crate) fn may_keep_ready(bytes: usize) -> bool {
    bytes <= READY
}

/// The bytes that each heap at work may keep in any case, where so many heaps share the bytes that may be kept.
pub(crate) fn heap_minimum(keep: usize, heaps: usize) -> usize {
    (keep / heaps.max(1)).clamp(*HEAP_MINIMUM.start(), *HEAP_MINIMUM.end())
}

/// The bytes that a heap frees before it looks for memory to give back again, after it found less than it wanted: so many
/// that looks through all slabs are rare.
pub(crate) fn patience(used: usize) -> usize {
    (used / PATIENCE).max(*HEAP_MINIMUM.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thresholds::KEEP_DEFAULT;

    #[test]
    fn slabs_rest_when_little_of_them_was_freed_since_the_last_look() {
        for partition in Partition::all() {
            let part = partition.segment_size() / WORTH_PURGING_SLAB;
            assert!(
                is_worth_purging_slab(part, partition)
                    && !is_worth_purging_slab(part - 1, partition)
            );
            assert!(
                has_rested(part, 2 * part - 1, partition) && !has_rested(part, 2 * part, partition)
            );
        }
    }

    #[test]
    fn slabs_are_looked_at_where_little_is_freed_or_much_was() {
        let held = 1 << 30;
        let (still, some, much) = (held / SHRINKS, held / SHRINKS + 1, held / SHRUNK);
        assert!(may_look_at_slabs(REST, still, held) && !may_look_at_slabs(REST - 1, still, held));
        assert!(!may_look_at_slabs(REST, some, held) && !may_look_at_slabs(REST, much - 1, held));
        assert!(may_look_at_slabs(REST, much, held) && !may_look_at_slabs(REST - 1, much, held));
        // It shrank, and is still since.
        assert!(may_look_at_slabs(8 * REST, 8 * still, held));
        assert!(may_ask_again(0, REST) && !may_ask_again(1, REST));
    }

    #[test]
    fn freed_blocks_wait_for_a_moment_where_others_are_in_use() {
        assert!(!will_serve_again(0, 5) && will_serve_again(7, 7 + GRACE - 1));
        assert!(!will_serve_again(7, 7 + GRACE) && will_serve_again(u32::MAX, 3));
        assert!(may_wait(800, 100) && !may_wait(808, 100) && !may_wait(8, 0));
    }

    #[test]
    fn the_minimum_of_all_heaps_is_little_beside_what_may_be_kept() {
        for heaps in [1, 10, 100, 1000] {
            let all = heaps * heap_minimum(KEEP_DEFAULT, heaps);
            assert!(all <= 2 * KEEP_DEFAULT, "{heaps} heaps keep {all}");
        }
        assert_eq!((heap_minimum(0, 1), heap_minimum(KEEP_DEFAULT, 0)), (64 << 10, 1 << 20));
    }
}
