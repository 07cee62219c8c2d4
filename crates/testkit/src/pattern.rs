//! Bytes by which a block is known again.

use std::ptr::NonNull;

/// Every byte is looked at within this distance of a block's ends.
const DENSE: usize = 1024;

/// In between, one byte in so many at least; odd, so that it falls on every offset within a word.
const STRIDE: usize = 61;

/// In between, not many more bytes than these.
const SPARSE: usize = 4096;

/// Returns the byte at `position` of a block filled with `seed`: never zero, and unlike its neighbours.
pub(crate) fn byte(seed: u8, position: usize) -> u8 {
    let mixed = (position as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
    (mixed as u8 ^ seed) | 1
}

/// Returns the offsets looked at in `from..to`.
fn positions(from: usize, to: usize) -> impl Iterator<Item = usize> {
    let head_end = to.min(from.saturating_add(DENSE));
    let tail_start = head_end.max(to.saturating_sub(DENSE));
    let stride = STRIDE.max(((tail_start - head_end) / SPARSE) | 1);
    (from..head_end).chain((head_end..tail_start).step_by(stride)).chain(tail_start..to)
}

/// Writes the pattern into the first `len` bytes.
///
/// # Safety
///
/// They can be written.
pub(crate) unsafe fn fill(start: NonNull<u8>, len: usize, seed: u8) {
    for position in positions(0, len) {
        // SAFETY: below `len`.
        unsafe { start.add(position).write(byte(seed, position)) };
    }
}

/// Returns the first offset below `keep` where a block of `filled` bytes has lost its pattern, with the
/// byte expected and the byte found.
///
/// # Safety
///
/// The first `keep` bytes can be read and are initialised, and `keep <= filled`.
pub(crate) unsafe fn find_lost(
    start: NonNull<u8>,
    filled: usize,
    keep: usize,
    seed: u8,
) -> Option<(usize, u8, u8)> {
    positions(0, filled).take_while(|&position| position < keep).find_map(|position| {
        // SAFETY: below `keep`.
        let found = unsafe { start.add(position).read() };
        let expected = byte(seed, position);
        (found != expected).then_some((position, expected, found))
    })
}

/// Returns the first offset in `from..to` that isn't zero, with the byte found.
///
/// # Safety
///
/// These bytes can be read and are initialised.
pub(crate) unsafe fn find_nonzero(
    start: NonNull<u8>,
    from: usize,
    to: usize,
) -> Option<(usize, u8)> {
    positions(from, to).find_map(|position| {
        // SAFETY: below `to`.
        let found = unsafe { start.add(position).read() };
        (found != 0).then_some((position, found))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_reach_both_ends_in_order() {
        for (from, to) in [(0, 0), (0, 1), (3, 2050), (5, 100_000), (7, 7)] {
            let all: Vec<_> = positions(from, to).collect();
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!(all.first().copied(), (from < to).then_some(from));
            assert_eq!(all.last().copied(), (from < to).then(|| to - 1));
        }
    }

    #[test]
    fn a_changed_byte_is_found_where_it_is() {
        let mut bytes = vec![0_u8; 100_000];
        let start = NonNull::from(bytes.as_mut_slice()).cast::<u8>();
        let len = bytes.len();
        // SAFETY: all of it is our vector's.
        unsafe {
            assert_eq!(find_nonzero(start, 0, len), None);
            fill(start, len, 7);
            assert_eq!(find_lost(start, len, len, 7), None);
            assert!(find_lost(start, len, len, 9).is_some());
            for position in [0, DENSE - 1, DENSE, len - DENSE, len - 1] {
                start.add(position).write(0);
                assert_eq!(find_lost(start, len, len, 7), Some((position, byte(7, position), 0)));
                assert_eq!(find_lost(start, len, position, 7), None);
                start.add(position).write(byte(7, position));
            }
            assert_eq!(find_nonzero(start, 5, len), Some((5, byte(7, 5))));
        }
    }
}
