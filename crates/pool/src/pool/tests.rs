//! Which pool an address belongs to, for every address there is.

use core::{mem::MaybeUninit, ptr::NonNull};
use std::vec;

use super::*;
use crate::{Bare, Split};

/// A heap that is aligned as no pool needs it more.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read as bytes")] [MaybeUninit<u8>; 64]);

/// Compares [`Pool::pool_at`] with a look at all parts, at each byte of the heap and around it.
fn every_address_has_its_pool<M: Mode>(lines: usize, config: &Config<'_>) {
    let mut heap = vec![Line([MaybeUninit::uninit(); 64]); lines];
    let bytes = bytes_of(&mut heap);
    let start = NonNull::from(&mut *bytes).cast::<u8>();
    let pool = Pool::<M>::new(bytes, config).unwrap();
    let state = pool.state();
    for at in -70..(64 * lines).cast_signed() + 70 {
        let address = NonNull::new(start.as_ptr().wrapping_offset(at)).unwrap();
        let offset = state.offset_of(address);
        let inside = offset < state.reach();
        let naive = state.pools().rev().find(|&pool| inside && state.low(pool) <= offset);
        assert_eq!(pool.pool_at(address), naive.map(|pool| (pool, offset)), "at {at} {config:?}");
    }
}

/// The lines as bytes.
fn bytes_of(lines: &mut [Line]) -> &mut [MaybeUninit<u8>] {
    let (start, count) = (lines.as_mut_ptr().cast(), size_of_val(lines));
    // SAFETY: lines are bytes without gaps, borrowed for as long.
    unsafe { core::slice::from_raw_parts_mut(start, count) }
}

#[test]
fn the_pool_of_an_address_is_found_whatever_the_split() {
    for split in [
        Split::Equal,
        Split::Proportional,
        Split::Weights(&[1, 100, 9]),
        Split::Counts(&[400, 1, 2]),
    ] {
        let config = Config::new(&[16, 40, 200]).split(split);
        every_address_has_its_pool::<Full>(128, &config);
        every_address_has_its_pool::<Bare>(128, &config.packed());
        every_address_has_its_pool::<crate::Wide<Full>>(2048, &config);
    }
    every_address_has_its_pool::<Full>(1024, &Config::new(&[8, 16, 24, 32, 40, 48, 56, 64]));
    every_address_has_its_pool::<Full>(2, &Config::new(&[8]));
    every_address_has_its_pool::<Full>(1, &Config::new(&[1]).packed());
}

#[test]
fn the_upper_half_of_each_part_is_guessed() {
    let sizes = [16, 32, 48, 64, 128, 256, 512, 1024];
    let mut heap = vec![Line([MaybeUninit::uninit(); 64]); 1024];
    let pool = Pool::<Full>::new(bytes_of(&mut heap), &Config::new(&sizes)).unwrap();
    let state = pool.state();
    for part in state.pools() {
        let (low, end) = (state.low(part), state.end(part));
        for offset in low.midpoint(end)..end {
            assert_eq!(state.guess(state.at(offset)), Some((part, offset)), "of {low}..{end}");
        }
    }
}
