//! Descriptions of addresses: for a debugger, a handler of crashes, or a test that looks for a stray pointer.
//!
//! ```
//! use stratalloc_arena::{address::{self, State, What}, global};
//!
//! let block = global::allocate(100, 8);
//! let found = address::what_is(block.wrapping_add(8));
//! println!("{found}"); // 0x1b0c00413f8: 8 bytes into a live block of 104 at 0x1b0c00413f0, of this thread's heap: …
//! if let What::Block(block) = found.what {
//!     assert!(block.size >= 100 && block.state == State::Live);
//! }
//! # // SAFETY: just allocated.
//! # unsafe { global::deallocate(block) };
//! ```

mod layout;
mod lines;

pub use layout::Layout;

use core::hint::spin_loop;

use crate::{
    books::{
        fenced,
        slab::Standing,
        windows::{self, Window},
        zero_sized,
    },
    cache::slot,
    heap::{Heap, pools::spot::Spot},
    plan::geometry::{AREA_SIZE, SegmentPlace},
    process::{arena_heaps, samples},
    sys::lock::{Lock, LockGuard, Mark},
};

/// Attempts at a lock before it counts as held: as many as a refill takes. There is no waiting, since a signal or a
/// debugger may have interrupted the calling thread while it holds the lock.
const ATTEMPTS: u32 = 128;

/// The description of an address at one moment: other threads go on meanwhile. It is displayed as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The address.
    pub address: usize,
    /// What it is.
    pub what: What,
    /// The place of the address; `None` outside of this allocator's areas.
    pub place: Option<Place>,
}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// Nothing of this allocator's. So are the addresses of arena heaps that have ended.
    Foreign,
    /// In the books of an area, or the home of a thread there.
    Books,
    /// In memory of an area that no block has: in a segment that serves nothing, or behind the last block of one.
    Vacant,
    /// In a block.
    Block(Block),
    /// Unknown at this moment: another thread changes the heap, or the calling thread, which was interrupted.
    Busy,
}

/// A block that an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// The address of its first byte.
    pub start: usize,
    /// Its bytes: those of its size class, or whole pages.
    pub size: usize,
    /// Its kind.
    pub kind: Kind,
    /// Whether it is in use.
    pub state: State,
}

/// The kind of a block, by the memory that serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A slab of its size class.
    Small,
    /// Segments in a row.
    Run,
    /// Arenas of its own.
    Whole,
    /// A mapping of its own.
    Huge,
    /// Address space that can't be used: a block of no bytes, in the hardened build.
    ZeroSized,
    /// A page of its own between pages that can't be used: see [`Config::guards`](crate::Config::guards).
    Fenced,
}

/// Whether a block is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It was handed out: to the program, or to another thread's stock of free blocks, which no other thread can see.
    Live,
    /// As [`Live`](Self::Live), and the [profile](crate::profile) has it as a sample.
    Sampled,
    /// The calling thread freed it, and has it in a stack for the next allocation, or in a batch for its owner.
    AtHand,
    /// It was freed.
    Free,
    /// It was never handed out since its segment serves the class.
    Fresh,
}

/// The place of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The first byte of the area, 64 GiB long.
    pub area: usize,
    /// The partition, arena and segment; `None` among the books.
    pub segment: Option<SegmentPlace>,
    /// The first byte of the first area of the heap that the area belongs to: equal for addresses of one heap.
    pub heap: usize,
    /// The owner of that heap.
    pub whose: Whose,
}

/// The owner of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Whose {
    /// The calling thread's.
    ThisThread,
    /// Another thread's, or that of one that has ended.
    Thread,
    /// An [`ArenaHeap`](crate::ArenaHeap)'s.
    ArenaHeap,
    /// That of a [tag](crate::tag), which [`tag::of`](crate::tag::of) tells.
    Tag,
    /// That of the blocks that the [profile](crate::profile) samples.
    Samples,
}

/// Describes an address, which may be any number: nothing is read there.
///
/// It doesn't wait or allocate, and may be called from any signal handler: see [`What::Busy`]. O(1), except for large
/// blocks, where it is O(segments of an arena), and huge ones, where it is O(windows).
pub fn what_is(address: *const u8) -> Found {
    let (address, mark) = (address.cast_mut(), slot::mark());
    let (what, place) = match windows::lookup(address) {
        Window::Thread(owner) => {
            // SAFETY: [WINDOWS-1: stay] the window announces a thread's heap, which lives as long as the process.
            let heap = unsafe { Heap::of(owner) };
            (in_area(heap, address, mark), Some(Place::of(address, heap, whose(heap))))
        }
        Window::Value(_) => in_value(address, mark),
        _ if zero_sized::contains(address) => (What::Block(zero_sized_at(address)), None),
        _ if fenced::contains(address) => (fenced_at(address), None),
        Window::Huge(_) | Window::Foreign => (in_huge(address.addr(), mark), None),
    };
    Found { address: address.addr(), what, place }
}

impl Place {
    fn of(address: *mut u8, heap: &Heap, whose: Whose) -> Self {
        Self {
            area: address.addr() & !(AREA_SIZE - 1),
            segment: SegmentPlace::of_offset(address.addr() % AREA_SIZE),
            heap: heap.owner().addr() & !(AREA_SIZE - 1),
            whose,
        }
    }
}

/// The owner of a thread's heap.
fn whose(heap: &Heap) -> Whose {
    let own = slot::cache().heap().is_some_and(|own| core::ptr::eq(own, heap));
    if own { Whose::ThisThread } else { Whose::Thread }
}

/// Describes an address in a window of an arena heap, which may have ended meanwhile.
fn in_value(address: *mut u8, mark: Mark) -> (What, Option<Place>) {
    let Some(values) = lock_soon(arena_heaps::lock(), mark) else { return (What::Busy, None) };
    let Window::Value(owner) = windows::lookup(address) else { return (What::Foreign, None) };
    // SAFETY: [VALUES-1: found] the window announces an arena heap while the lock is held, which it is until the last use.
    let heap = unsafe { Heap::of(owner) };
    let sampled = samples::lie_in(heap);
    let whose = match heap.tag() {
        Some(_) => Whose::Tag,
        None if sampled => Whose::Samples,
        None => Whose::ArenaHeap,
    };
    let place = Place::of(address, heap, whose);
    let what = in_area(heap, address, mark);
    drop(values);
    (if sampled { among_samples(what, mark) } else { what }, Some(place))
}

/// Describes an address in an area of a heap, which doesn't end meanwhile.
fn in_area(heap: &Heap, address: *mut u8, mark: Mark) -> What {
    let Some(mut pools) = lock_soon(heap.lock(), mark) else { return What::Busy };
    // SAFETY: the address's window announces the area as one of this heap.
    let spot = unsafe { pools.spot(address) };
    drop(pools);
    match spot {
        Spot::Books => What::Books,
        Spot::Vacant => What::Vacant,
        Spot::Small { bin, start, standing } => {
            let block = address.with_addr(start);
            let state = match standing {
                Standing::Free => State::Free,
                Standing::Fresh => State::Fresh,
                Standing::Out if slot::cache().holds(bin, block) => State::AtHand,
                Standing::Out => State::Live,
            };
            let size = bin.shape().block_size as usize;
            What::Block(Block { start, size, kind: Kind::Small, state })
        }
        Spot::Large { start, size, whole } => {
            let kind = if whole { Kind::Whole } else { Kind::Run };
            What::Block(Block { start, size, kind, state: State::Live })
        }
    }
}

/// The block of no bytes at an address among them.
fn zero_sized_at(address: *mut u8) -> Block {
    let state = if zero_sized::is_held(address) { State::Live } else { State::Free };
    Block { start: address.addr(), size: 0, kind: Kind::ZeroSized, state }
}

/// The fenced block around an address in their pool, or the one that was there last.
fn fenced_at(address: *mut u8) -> What {
    match fenced::around(address) {
        Some((start, size, is_live)) if (start..start + size).contains(&address.addr()) => {
            let state = if is_live { State::Live } else { State::Free };
            What::Block(Block { start, size, kind: Kind::Fenced, state })
        }
        _ => What::Vacant,
    }
}

/// Describes an address that lies in no area.
fn in_huge(address: usize, mark: Mark) -> What {
    let Some((start, size)) = windows::huge_around(address) else { return What::Foreign };
    let block = What::Block(Block { start, size, kind: Kind::Huge, state: State::Live });
    if samples::heap().is_some() { among_samples(block, mark) } else { block }
}

/// The same description, but of a sample if the profile has one there.
fn among_samples(what: What, mark: Mark) -> What {
    let What::Block(block @ Block { state: State::Live, .. }) = what else { return what };
    match lock_soon(samples::lock(), mark) {
        None => What::Busy,
        Some(samples) if samples.has(block.start) => {
            What::Block(Block { state: State::Sampled, ..block })
        }
        Some(_) => what,
    }
}

/// What a lock guards, if nobody holds it for long.
fn lock_soon<T>(lock: &Lock<T>, mark: Mark) -> Option<LockGuard<'_, T>> {
    (0..ATTEMPTS).find_map(|_| {
        let held = lock.try_lock(mark);
        if held.is_none() {
            spin_loop();
        }
        held
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::global;

    #[test]
    fn who_holds_its_heaps_lock_itself_is_told_so_at_once() {
        let block = global::allocate(100, 8);
        let heap = slot::cache().heap().unwrap();
        let pools = heap.pools(slot::mark());
        let found = what_is(block);
        drop(pools);
        assert_eq!((found.what, found.place.unwrap().whose), (What::Busy, Whose::ThisThread));
        // SAFETY: just allocated.
        unsafe { global::deallocate(block) };
    }
}
