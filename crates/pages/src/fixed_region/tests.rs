//! Tests of the region: what fits, first fit, alignment, reuse, refusals.

use std::vec::Vec;

use super::*;

const PAGE: usize = 4096;

/// A region of `size` bytes that starts `offset` bytes past a boundary of 64 KiB.
fn memory(buffer: &mut Vec<MaybeUninit<u8>>, offset: usize, size: usize) -> &mut [MaybeUninit<u8>] {
    buffer.resize(size + offset + (1 << 16), MaybeUninit::uninit());
    let skip = (buffer.as_ptr().addr().wrapping_neg() & ((1 << 16) - 1)) + offset;
    &mut buffer[skip..skip + size]
}

fn release(region: &FixedRegion, range: PageRange) {
    // SAFETY: the tests keep nothing in their ranges.
    unsafe { region.release(range) }.unwrap();
}

#[test]
fn as_many_pages_as_fit_with_their_bits() {
    let mut buffer = Vec::new();
    for (size, pages) in [
        (PAGE + 8, Ok(1)),
        (PAGE + 7, Err(())),
        (64 * PAGE + 8, Ok(64)),
        (65 * PAGE + 15, Ok(64)),
        (65 * PAGE + 16, Ok(65)),
        (0, Err(())),
    ] {
        let region = FixedRegion::new(memory(&mut buffer, 0, size), PAGE);
        assert_eq!(region.map(|it| it.pages()).map_err(|_| ()), pages, "{size}");
    }
    let region = FixedRegion::new(memory(&mut buffer, 1, 3 * PAGE), PAGE).unwrap();
    assert_eq!(region.pages(), 1, "the first two are lost to alignment and the map");
    for page_size in [0, 3, 4] {
        let error = FixedRegion::new(memory(&mut buffer, 0, PAGE), page_size).unwrap_err();
        let said = std::format!("a page of {page_size} bytes is not a power of two from 8 on");
        assert_eq!(std::string::ToString::to_string(&error), said);
    }
    assert!(FixedRegion::new(memory(&mut buffer, 0, PAGE), 1 << 63).is_err());
}

#[test]
fn pages_are_given_once_and_come_back() {
    let mut buffer = Vec::new();
    let region = FixedRegion::new(memory(&mut buffer, 0, 100 * PAGE + 16), PAGE).unwrap();
    assert_eq!(region.free_pages(), 100);
    let mut ranges: Vec<_> = (0..100).map(|_| region.reserve(PAGE, PAGE).unwrap()).collect();
    for (number, range) in ranges.iter().enumerate() {
        // SAFETY: committed memory of our own.
        unsafe { range.start().write_bytes(number as u8, PAGE) };
    }
    let out = ProviderError::OutOfMemory { size: PAGE, align: PAGE };
    assert_eq!(region.reserve(PAGE, PAGE), Err(out));
    for (number, range) in ranges.iter().enumerate() {
        // SAFETY: as above; read bytes were written.
        let bytes = unsafe { slice::from_raw_parts(range.start().as_ptr(), PAGE) };
        assert!(bytes.iter().all(|&byte| byte == number as u8));
    }
    let hole = ranges.drain(40..43).collect::<Vec<_>>();
    let first = hole[0].start();
    for range in hole {
        release(&region, range);
    }
    assert_eq!(region.reserve(3 * PAGE, PAGE).unwrap().start(), first);
    assert_eq!(region.free_pages(), 0);
}

#[test]
fn alignments_are_kept_whatever_the_start() {
    let mut buffer = Vec::new();
    for offset in [0, 8, PAGE, 5 * PAGE + 1] {
        let region = FixedRegion::new(memory(&mut buffer, offset, 64 * PAGE), PAGE).unwrap();
        for align in [PAGE, 2 * PAGE, 16 * PAGE] {
            let range = region.reserve_committed(PAGE, align).unwrap();
            assert_eq!(range.start().addr().get() % align, 0);
            release(&region, range);
        }
        assert!(region.reserve(PAGE, 1 << 62).is_err());
        assert!(region.reserve(usize::MAX & !(PAGE - 1), PAGE).is_err());
        assert_eq!(region.free_pages(), region.pages());
    }
}

#[test]
fn a_range_that_is_not_its_own_is_refused() {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let ours = FixedRegion::new(memory(&mut ours, 0, 16 * PAGE), PAGE).unwrap();
    let theirs = FixedRegion::new(memory(&mut theirs, 0, 16 * PAGE), PAGE).unwrap();
    let range = theirs.reserve(PAGE, PAGE).unwrap();
    // SAFETY: nothing lives in the ranges; a foreign one is refused by a check, as is one that is
    // not in use.
    unsafe {
        let (_, range) = ours.release(range).unwrap_err();
        let start = range.start();
        theirs.release(range).unwrap();
        let twin = PageRange::from_raw(start, PAGE);
        assert!(theirs.release(twin).is_err());
    }
}
