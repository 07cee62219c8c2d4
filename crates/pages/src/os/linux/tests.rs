//! Tests of the system calls against the real system.

use super::*;

/// A test's mapping size: many pages of any system.
const SIZE: usize = 1 << 20;

/// Gives a mapping back.
fn unmap_all(start: NonNull<u8>, size: usize) {
    // SAFETY: each test owns what it mapped and is done with it.
    unsafe { unmap(start, size) }.unwrap();
}

#[test]
fn mappings_are_aligned_zero_and_writable() {
    for shift in [12, 16, 21, 26, 30] {
        let align = (1_usize << shift).max(page_size());
        let start = map(SIZE, align).unwrap();
        assert_eq!(start.addr().get() % align, 0);
        // SAFETY: SIZE bytes were just mapped for reading and writing.
        unsafe {
            let bytes = core::slice::from_raw_parts_mut(start.as_ptr(), SIZE);
            assert!(bytes.iter().all(|&byte| byte == 0));
            bytes[0] = 1;
            bytes[SIZE - 1] = 1;
        }
        unmap_all(start, SIZE);
    }
}

#[test]
fn the_trimmed_sides_are_free_again() {
    let free =
        |address| reserve_at(address, page_size()).map(|it| unmap_all(it, page_size())).is_ok();
    let attempt = || {
        let start = map(SIZE, 1 << 30).unwrap();
        let address = start.addr().get();
        assert!(!free(address) && !free(address + SIZE - page_size()));
        let sides = free(address - page_size()) && free(address + SIZE);
        unmap_all(start, SIZE);
        sides
    };
    // Another test's thread may take a place now and then, but not always.
    assert!((0..100).any(|_| attempt()));
}

#[test]
fn a_fixed_place_is_taken_once() {
    let attempt = |_| {
        let hole = reserve(4 * SIZE, page_size()).unwrap();
        unmap_all(hole, 4 * SIZE);
        let address = hole.addr().get() + SIZE;
        Some((address, map_at(address, SIZE).ok()?))
    };
    // Another test's thread may take the place now and then, but not always.
    let (address, start) = (0..100).find_map(attempt).unwrap();
    assert_eq!(start.addr().get(), address);
    assert!(map_at(address, SIZE).is_err());
    // SAFETY: just mapped.
    unsafe { start.write(7) };
    assert!(reserve_at(address + SIZE - page_size(), SIZE).is_err());
    // SAFETY: still mapped: refused calls change nothing.
    assert_eq!(unsafe { start.read() }, 7);
    unmap_all(start, SIZE);
}

#[test]
fn a_purge_zeroes_and_protection_keeps() {
    let start = reserve(SIZE, page_size()).unwrap();
    // SAFETY: the range is ours alone.
    unsafe {
        protect_rw(start, SIZE).unwrap();
        start.write_bytes(0xA5, SIZE);
        protect_none(start, SIZE).unwrap();
        protect_rw(start, SIZE).unwrap();
        assert_eq!(start.add(SIZE - 1).read(), 0xA5);
        purge(start, SIZE / 2).unwrap();
        assert_eq!(start.read(), 0);
        assert_eq!(start.add(SIZE / 2).read(), 0xA5);
        // Old systems refuse; content stays either way.
        let _ = prefer_huge(start, SIZE);
        let _ = avoid_huge(start, SIZE);
        assert_eq!(start.add(SIZE / 2).read(), 0xA5);
    }
    unmap_all(start, SIZE);
}

#[test]
fn a_remap_keeps_the_content() {
    let start = map(SIZE, page_size()).unwrap();
    // SAFETY: the mapping is ours alone, and only its new address is used.
    unsafe {
        start.add(SIZE - 1).write(9);
        let moved = remap(start, SIZE, 16 * SIZE, true).unwrap();
        assert_eq!(moved.add(SIZE - 1).read(), 9);
        let shrunk = remap(moved, 16 * SIZE, SIZE, false).unwrap();
        assert_eq!(shrunk, moved);
        unmap_all(shrunk, SIZE);
    }
}

#[test]
fn absurd_requests_are_refused() {
    assert!(map(0, page_size()).is_err());
    assert!(map(usize::MAX - 8191, page_size()).is_err());
    assert!(map(1 << 62, 1 << 62).is_err());
    assert!(reserve(SIZE, 1 << 63).is_err());
    assert!(reserve_at(1, SIZE).is_err());
}
