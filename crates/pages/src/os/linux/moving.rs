//! Pages moved from one mapping to another, by page tables rather than by copying.

mod trial;

use core::ptr::NonNull;

use rustix::{
    io::Errno,
    mm::{self, MapFlags, MremapFlags, MsyncFlags},
};

use super::{READ_WRITE, call, call_or, faults, map_fixed, unmap};

/// Why pages weren't moved. What they hold is where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveError {
    /// They lie in several mappings: some fewer may move.
    Several,
    /// The system refused. The destination is mapped, with its content or as zero.
    Refused,
    /// The system refused, the destination is mapped no more, and may be somebody else's by now. Nothing
    /// may ever be done to it again.
    Lost,
}

/// Moves the pages behind `size` bytes to `to`, in place of what is mapped there. `from` stays mapped,
/// and reads as zero.
///
/// The pages must lie in one mapping. Over several, Linux 5.7 to 6.16 unmaps the destination and then
/// fails; from 6.17 on it moves one after another, and can fail in between. In one mapping too it unmaps
/// the destination before it asks for memory of its own. Then another thread's mapping can come to lie
/// there before the destination is mapped again.
///
/// Linux before 5.7 doesn't know how, and refuses; so does any for a mapping that would make the
/// process pass `vm.max_map_count`. An emulator may get it wrong: the first call tries it on a page, and if that fails
/// pages never move. Three system calls at most but for that, all but one of them after a failure.
///
/// # Safety
///
/// The caller owns both ranges, from this module; they don't overlap, and nothing live lies in `to`.
/// After [`MoveError::Lost`] it doesn't own `to` any more.
pub unsafe fn move_pages(from: NonNull<u8>, to: NonNull<u8>, size: usize) -> Result<(), MoveError> {
    if !trial::are_movable() {
        return Err(MoveError::Refused);
    }
    // SAFETY: the caller owns the bytes, and the rest is its promise.
    unsafe {
        check_one_mapping(from, size, BEYOND)?;
        move_mapped(from, to, size)
    }
}

/// Moves pages that lie in one mapping.
///
/// # Safety
///
/// As for [`move_pages`].
unsafe fn move_mapped(from: NonNull<u8>, to: NonNull<u8>, size: usize) -> Result<(), MoveError> {
    let flags = MremapFlags::MAYMOVE.union(MremapFlags::DONTUNMAP);
    let (from, place) = (from.as_ptr().cast(), to.as_ptr().cast());
    // SAFETY: the caller owns both ranges and allows for what happens to them; a test's fault does what
    // the system may do before it fails.
    let moved = call_or(
        || unsafe { faults::unmap(place, size) },
        || unsafe { mm::mremap_fixed(from, size, size, flags, place) }.map(drop),
    );
    moved.map_err(|_| map_again(to, size))
}

/// The addresses that programs have: 47 bits of them, or the three gigabytes of a kernel of 32 bits.
const ADDRESSES: usize = if usize::BITS == 64 { 1 << (usize::BITS - 17) } else { 3 << 30 };

/// More bytes than can follow any address, and no more than the kernel looks at.
const BEYOND: usize = ADDRESSES - (1 << 16);

/// Returns whether `size` bytes lie in one mapping: asks for it to grow in place to `beyond` bytes, for which there
/// is no room. The kernel looks at the range first, in all versions, and then refuses for another reason.
///
/// # Safety
///
/// The caller owns the bytes, from this module.
unsafe fn check_one_mapping(
    start: NonNull<u8>,
    size: usize,
    beyond: usize,
) -> Result<(), MoveError> {
    // SAFETY: a mapping of the caller's may grow over what nobody has.
    let grown =
        call(|| unsafe { mm::mremap(start.as_ptr().cast(), size, beyond, MremapFlags::empty()) });
    match grown {
        Ok(_) => {
            // SAFETY: the system just added these bytes to the caller's.
            let _ = unsafe { unmap(start.add(size), beyond - size) };
            Ok(())
        }
        // Too little room, or more locked memory than may be.
        Err(Errno::NOMEM | Errno::AGAIN) => Ok(()),
        Err(Errno::FAULT) => Err(MoveError::Several),
        Err(_) => Err(MoveError::Refused),
    }
}

/// Maps a destination again that a failed move may have unmapped; returns what has become of it.
fn map_again(to: NonNull<u8>, size: usize) -> MoveError {
    let again = map_fixed(to.addr().get(), size, READ_WRITE, MapFlags::NORESERVE);
    if again.is_ok() || is_mapped(to, size) { MoveError::Refused } else { MoveError::Lost }
}

/// Returns whether something is mapped at every one of `size` bytes.
///
/// If so, it was never unmapped: else somebody else's mappings would have to fill it to the byte.
fn is_mapped(start: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the call reads nothing, and writes nothing: there is no file behind it.
    call(|| unsafe { mm::msync(start.as_ptr().cast(), size, MsyncFlags::ASYNC) }).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::{map, map_at, page_size, protect_none, protect_rw, reserve_at};

    const SIZE: usize = 1 << 20;
    /// Where the system puts nothing by itself, so that no other test's thread fills a hole; above a
    /// sanitizer's shadow.
    const APART: usize = 3 << 44;

    /// Returns a mapping of its own, filled, and unmapped in the end.
    fn filled(byte: u8) -> NonNull<u8> {
        let start = map(SIZE, page_size()).unwrap();
        // SAFETY: just mapped.
        unsafe { start.write_bytes(byte, SIZE) };
        start
    }

    /// Returns the first and the last byte.
    fn ends(start: NonNull<u8>) -> (u8, u8) {
        // SAFETY: mapped by the test.
        unsafe { (start.read(), start.add(SIZE - 1).read()) }
    }

    fn unmap_both(from: NonNull<u8>, to: NonNull<u8>) {
        // SAFETY: the test's own, and not used any more.
        unsafe {
            unmap(from, SIZE).unwrap();
            unmap(to, SIZE).unwrap();
        }
    }

    #[test]
    fn moved_pages_leave_zero_behind() {
        let (from, to) = (filled(7), filled(1));
        // SAFETY: both mappings are ours alone.
        if unsafe { move_pages(from, to, SIZE) }.is_ok() {
            assert_eq!((ends(to), ends(from)), ((7, 7), (0, 0)));
        }
        unmap_both(from, to);
    }

    #[test]
    fn several_mappings_stay_where_they_are() {
        let (from, to) = (filled(7), filled(1));
        // SAFETY: both mappings are ours alone; access is taken away and given back.
        unsafe {
            let half = from.add(SIZE / 2);
            protect_none(half, SIZE / 2).unwrap();
            let moved = move_pages(from, to, SIZE);
            assert!(matches!(moved, Err(MoveError::Several | MoveError::Refused)), "{moved:?}");
            protect_rw(half, SIZE / 2).unwrap();
        }
        assert_eq!((ends(from), ends(to)), ((7, 7), (1, 1)));
        unmap_both(from, to);
    }

    #[test]
    fn a_question_whether_it_is_one_mapping_changes_nothing() {
        let page = page_size();
        let start = reserve_at(APART, SIZE).unwrap();
        // SAFETY: the range is ours alone; a hole is made at its end.
        unsafe {
            protect_rw(start, SIZE / 2).unwrap();
            assert_eq!(check_one_mapping(start, SIZE / 2, BEYOND), Ok(()));
            assert_eq!(check_one_mapping(start, SIZE, BEYOND), Err(MoveError::Several));
            unmap(start.add(SIZE / 2), SIZE / 2).unwrap();
            // Here it may grow, and is as large as before.
            assert_eq!(check_one_mapping(start, SIZE / 2, SIZE / 2 + page), Ok(()));
            assert!(!is_mapped(start, SIZE / 2 + page) && is_mapped(start, SIZE / 2));
            unmap(start, SIZE / 2).unwrap();
        }
    }

    #[test]
    fn a_destination_that_is_gone_is_mapped_again_or_lost() {
        let page = page_size();
        let to = map_at(2 * APART, SIZE).unwrap();
        // SAFETY: just mapped.
        unsafe { to.write_bytes(1, SIZE) };
        assert_eq!((map_again(to, SIZE), ends(to)), (MoveError::Refused, (1, 1)));
        // SAFETY: the mapping is ours alone; the page in its midst stands for another thread's.
        unsafe {
            unmap(to, SIZE).unwrap();
            assert_eq!((map_again(to, SIZE), ends(to)), (MoveError::Refused, (0, 0)));
            let midst = to.add(SIZE / 2);
            unmap(to, SIZE / 2).unwrap();
            unmap(midst.add(page), SIZE / 2 - page).unwrap();
            assert_eq!(map_again(to, SIZE), MoveError::Lost);
            assert!(is_mapped(midst, page) && !is_mapped(to, page));
            unmap(midst, page).unwrap();
        }
    }
}
