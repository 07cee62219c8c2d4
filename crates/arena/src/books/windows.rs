//! The table of windows: for each 64 GiB of the address space, the area or the huge block that stands there, if any.
//!
//! # Invariants
//!
//! - [WINDOWS-1: stay] An entry announces an area only once that is whole, with an opened heap at home in it or in an
//!   older area. An area of a thread's heap, and its entry, stay as long as the process.
//! - [WINDOWS-2: claimed] A claimed window is its claimant's alone, until it announces an area or a block there, or releases
//!   the window.

mod entry;
mod table;

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use stratalloc_core::ProviderError;

pub(crate) use crate::books::windows::entry::Window;

use crate::{
    books::{
        area::Area,
        broken::{Broken, expect},
        owner::Owner,
        reference::AreaRef,
        windows::{
            entry::{Entry, Kind},
            table::Table,
        },
    },
    plan::geometry::{AREA_SHIFT, AREA_SIZE},
    sys,
};

/// The most bits of an address that the table has windows for.
const BITS: u32 = 47;
/// Windows of such an address space.
pub(crate) const WINDOWS: usize = 1 << (BITS - AREA_SHIFT);
/// The first window that is used: low addresses are left to programs.
const FIRST: usize = 16;
/// Windows among which the first is chosen at random, so that addresses differ from run to run.
const SPREAD: usize = 512;

/// The entry of each window of the process.
static TABLE: Table<WINDOWS> = Table::new();

/// The window at which the next search begins, a hint.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Where the table stands: a word for each window.
pub(crate) const PLACE: *const () = (&raw const TABLE).cast();

/// What an address lies in. O(1): one load.
#[inline]
pub(crate) fn lookup(address: *mut u8) -> Window {
    let index = address.addr() >> AREA_SHIFT;
    TABLE.get(index).map_or(Window::Foreign, Entry::window)
}

/// The heap that owns the area that an address lies in, if that is a thread's. O(1): one load.
#[inline(always)]
pub(crate) fn thread_owner(address: *mut u8) -> Option<Owner> {
    let entry = TABLE.get(address.addr() >> AREA_SHIFT)?;
    if entry.kind() == Kind::THREAD { entry.owner() } else { None }
}

/// Calls `look` with the heap that owns the area that an address lies in, and returns its result; false if the area isn't
/// a thread's. O(1): one load.
///
/// It differs from [`thread_owner`] in that no owner may be null, so that nothing tests for it.
#[inline(always)]
pub(crate) fn with_thread_owner(address: *mut u8, look: impl FnOnce(Owner) -> bool) -> bool {
    let Some(entry) = TABLE.get(address.addr() >> AREA_SHIFT) else { return false };
    let owner = entry.word().wrapping_sub(Kind::THREAD.bits());
    if owner & Kind::all().bits() != 0 {
        return false;
    }
    let heap = core::ptr::with_exposed_provenance_mut::<()>(owner);
    // SAFETY: [ENTRY-1: owner] an entry of this kind has a heap's address in it, which isn't zero.
    look(Owner::at(unsafe { NonNull::new_unchecked(heap) }))
}

/// The windows to search: those of the address space, except for the lowest, which are left to programs.
fn searched() -> core::ops::Range<usize> {
    /// The bits of an address, once they are known: `Relaxed`, they order nothing.
    static KNOWN: AtomicU32 = AtomicU32::new(0);

    let mut bits = KNOWN.load(Ordering::Relaxed);
    if bits == 0 {
        bits = sys::address_bits(BITS);
        KNOWN.store(bits, Ordering::Relaxed);
    }
    searched_of(bits)
}

/// The windows to search where addresses have so many bits. The first has null in it.
fn searched_of(bits: u32) -> core::ops::Range<usize> {
    let end = 1 << (bits - AREA_SHIFT);
    FIRST.min(end / 4).max(1)..end
}

/// Claims `count` free windows in a row, calls `make` with the address of the first, and announces what it made by the
/// entry that it returns; where `make` finds the place occupied, it tries further windows. Returns what was made; or
/// `None`, with no window claimed.
///
/// Nothing is reserved: only this table knows that the windows are ours. The kernel begins to choose places far from
/// them, and each piece is mapped by a call that fails where something stands.
fn claim<T>(
    count: usize,
    mut make: impl FnMut(NonNull<u8>) -> Result<(T, Entry), ProviderError>,
) -> Option<T> {
    let searched = searched();
    let start = first_searched(&searched) - searched.start;
    for step in 0..searched.len() {
        let index = searched.start + (start + step) % searched.len();
        if index + count > searched.end || !TABLE.claim(index, count) {
            continue;
        }
        let address = core::ptr::with_exposed_provenance_mut(index << AREA_SHIFT);
        // SAFETY: `searched_of` leaves window 0 out, so that the address isn't null.
        match make(unsafe { NonNull::new_unchecked(address) }) {
            Ok((made, entry)) => {
                NEXT.store(index + count, Ordering::Relaxed);
                TABLE.announce(index, count, entry);
                return Some(made);
            }
            Err(error) => {
                TABLE.release(index, count);
                if !sys::is_occupied(&error) {
                    return None;
                }
            }
        }
    }
    None
}

/// The window at which a search begins: the first time one at random, then the one behind the last that was claimed.
fn first_searched(searched: &core::ops::Range<usize>) -> usize {
    if NEXT.load(Ordering::Relaxed) == 0 {
        let first = searched.start + sys::random() % SPREAD.min(searched.len() / 4).max(1);
        let _ = NEXT.compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed);
    }
    NEXT.load(Ordering::Relaxed).max(searched.start)
}

/// The kind of heap that an area is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Thread,
    Value,
}

/// Creates an area with a heap at home in it: `prepare` makes the home at the area's start ready, and returns the heap.
/// Nobody else knows of the area until then.
pub(crate) fn new_home(
    whom: For,
    prepare: impl Fn(NonNull<u8>, AreaRef) -> Owner,
) -> Option<Owner> {
    let kind = if whom == For::Thread { Kind::THREAD } else { Kind::VALUE };
    claim(1, |start| {
        let area = AreaRef::create(start)?;
        let owner = prepare(start, area);
        Ok((owner, Entry::of_area(owner, kind)))
    })
}

/// Creates one more area for a heap.
pub(crate) fn extend(owner: Owner) -> Option<AreaRef> {
    let entry = TABLE.get(window_of(owner.addr()))?;
    claim(1, |start| Ok((AreaRef::create(start)?, entry)))
}

/// The sizes of all huge blocks, in bytes.
pub(crate) fn huge_sizes() -> impl Iterator<Item = usize> {
    TABLE.entries(0).filter_map(|(_, entry)| match entry.window() {
        Window::Huge(size) => Some(size),
        _ => None,
    })
}

/// The start and size in bytes of the huge block that an address lies in, if it does. O(windows of the block).
pub(crate) fn huge_around(address: usize) -> Option<(usize, usize)> {
    let mut first = address >> AREA_SHIFT;
    while TABLE.get(first)? == Entry::HUGE_TAIL {
        first = first.checked_sub(1)?;
    }
    let Window::Huge(size) = TABLE.get(first)?.window() else { return None };
    let start = first << AREA_SHIFT;
    (address - start < size).then_some((start, size))
}

/// Every heap of threads, those of ended ones among them, from a starting point on.
pub(crate) fn threads(from: usize) -> impl Iterator<Item = Owner> {
    TABLE.owners(from, |kind| kind == Kind::THREAD)
}

/// Every arena heap, those kept for the next among them.
pub(crate) fn values() -> impl Iterator<Item = Owner> {
    TABLE.owners(0, |kind| kind.contains(Kind::VALUE))
}

/// The heap at home in a window.
pub(crate) fn owner_at(window: usize) -> Option<Owner> {
    TABLE.get(window)?.owner()
}

/// The owner of an area, by its window.
pub(crate) fn owner_of(area: AreaRef) -> Option<Owner> {
    owner_at(window_of(area.as_ptr().addr()))
}

/// The window that an address of ours lies in.
fn window_of(address: usize) -> usize {
    (address >> AREA_SHIFT) % WINDOWS
}

/// Checks that each area that is announced is its window's, and that its heap is at home in a window of the same kind.
/// O(windows). The caller holds the lock of the arena heaps, so that none of these ends meanwhile.
pub(crate) fn validate() -> Result<(), Broken> {
    TABLE.entries(0).try_for_each(|(_, entry)| match (entry.window(), entry.owner()) {
        (Window::Thread(_) | Window::Value(_), Some(owner)) => {
            let home = TABLE.get(window_of(owner.addr()));
            expect(home.is_some_and(|home| home.owner() == Some(owner)), "WINDOWS-1: stay")
        }
        _ => Ok(()),
    })
}

/// Keeps an arena heap for the next that is asked for: no address leads to it until then.
pub(crate) fn keep(owner: Owner) {
    TABLE.set(window_of(owner.addr()), Entry::of_area(owner, Kind::KEPT));
}

/// Takes a kept arena heap into use again, if there is one.
pub(crate) fn take_kept() -> Option<Owner> {
    TABLE.take_kept()
}

/// Hides an arena heap's area from all threads, so that it can be released.
pub(crate) fn withdraw(area: AreaRef) {
    TABLE.set(window_of(area.as_ptr().addr()), Entry::CLAIMED);
}

/// Gives a withdrawn area back to the system, whose blocks are all free.
///
/// # Safety
///
/// Nobody knows of the area but the caller, no block of it is live, and nobody touches it any more.
pub(crate) unsafe fn release_area(area: AreaRef) {
    let area = area.as_ptr();
    // SAFETY: no block of the area is live, and nobody touches it any more, by this function's contract.
    unsafe { Area::unmap(area) };
    TABLE.release(area.addr() >> AREA_SHIFT, 1);
}

/// Claims windows for a block of `size` bytes, which `map` makes usable at the address that it is called with.
pub(crate) fn claim_block(
    size: usize,
    mut map: impl FnMut(NonNull<u8>) -> Result<(), ProviderError>,
) -> Option<NonNull<u8>> {
    claim(size.div_ceil(AREA_SIZE), |start| {
        map(start)?;
        Ok((start, Entry::of_block(size)))
    })
}

/// Claims a window for good, for memory that is neither an area's nor a block's: `map` reserves some at its start.
pub(crate) fn claim_for_good(
    mut map: impl FnMut(NonNull<u8>) -> Result<(), ProviderError>,
) -> Option<NonNull<u8>> {
    claim(1, |start| {
        map(start)?;
        Ok((start, Entry::CLAIMED))
    })
}

/// Enters another size of a block within its windows.
pub(crate) fn resize_block(start: NonNull<u8>, size: usize) {
    TABLE.set(window_of(start.addr().get()), Entry::of_block(size));
}

/// Releases the windows of a block.
pub(crate) fn release_block(start: NonNull<u8>, size: usize) {
    TABLE.release(start.addr().get() >> AREA_SHIFT, size.div_ceil(AREA_SIZE));
}

#[cfg(test)]
mod tests;
