//! What stands in each 64 GiB window of the address space: an area, a huge block, or nothing of ours.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use stratalloc_core::ProviderError;

use crate::{
    area::Area,
    geometry::{AREA_SHIFT, AREA_SIZE},
    grant::ACCOUNT,
    heap::Heap,
    pools::Pools,
    system,
};

/// The bits of an address, where there are as many as the table has windows for.
const BITS: u32 = 47;
/// Windows of such an address space.
const WINDOWS: usize = 1 << (BITS - AREA_SHIFT);
/// The first window that is used: low addresses are left to programs.
const FIRST: usize = 16;
/// Windows among which the first is chosen at random, so that addresses differ from run to run.
const SPREAD: usize = 512;

/// Threads have areas of their own up to this number; more share the heaps of those. It leaves
/// windows for heaps that outgrow an area, and for huge blocks.
const MAX_HOMES: usize = 1024;

const NOTHING: usize = 0;
const CLAIMED: usize = 1;
const AREA: usize = 2;
const HUGE_TAIL: usize = 3;
/// A huge block starts here: this, and its size in bytes, a multiple of the page size.
const HUGE: usize = 4;
/// An area of an arena heap, and one that waits for the next arena heap.
const VALUE: usize = 5;
const KEPT: usize = 6;
const KIND: usize = 7;

/// What stands in each window. `Release` when it is announced pairs with the `Acquire` of
/// [`lookup`]; claims by compare-and-swap keep two claimants apart.
static TABLE: [AtomicUsize; WINDOWS] = [const { AtomicUsize::new(NOTHING) }; WINDOWS];

/// Where the search for a window goes on, a hint.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Areas at which a thread is at home.
static HOMES: AtomicUsize = AtomicUsize::new(0);

/// What an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// Nothing of ours.
    Foreign,
    /// An area of a thread's heap.
    Area(*mut Area),
    /// An area of an arena heap.
    Value(*mut Area),
    /// A huge block that starts at this window's first byte, of this many bytes.
    Huge(usize),
}

/// What an address lies in. O(1): one load.
#[inline]
pub(crate) fn lookup(address: *mut u8) -> Window {
    let index = address.addr() >> AREA_SHIFT;
    let Some(entry) = TABLE.get(index) else { return Window::Foreign };
    let entry = entry.load(Ordering::Acquire);
    match entry & KIND {
        AREA => Window::Area(Area::containing(address)),
        HUGE => Window::Huge(entry & !KIND),
        VALUE => Window::Value(Area::containing(address)),
        _ => Window::Foreign,
    }
}

/// The area of a thread's heap that an address lies in, if it lies in one.
#[inline(always)]
pub(crate) fn area_of_thread(address: *mut u8) -> Option<*mut Area> {
    let entry = TABLE.get(address.addr() >> AREA_SHIFT)?.load(Ordering::Acquire);
    (entry == AREA).then(|| Area::containing(address))
}

/// The windows to search: those of the address space, but for the lowest, which are left to programs.
fn searched() -> core::ops::Range<usize> {
    /// The bits of an address, once they are known: `Relaxed`, they order nothing.
    static KNOWN: AtomicU32 = AtomicU32::new(0);

    let mut bits = KNOWN.load(Ordering::Relaxed);
    if bits == 0 {
        bits = system::address_bits(BITS);
        KNOWN.store(bits, Ordering::Relaxed);
    }
    searched_of(bits)
}

/// The windows to search where addresses have so many bits. The first has null in it.
fn searched_of(bits: u32) -> core::ops::Range<usize> {
    let end = 1 << (bits - AREA_SHIFT);
    FIRST.min(end / 4).max(1)..end
}

/// Claims `count` free windows in a row, and calls `make` with the address of the first until it doesn't find
/// something there; what it makes, or `None`, with no window claimed.
///
/// Nothing is reserved: that the windows are ours only this table says. Where the kernel chooses places it
/// begins far from them; and each piece is mapped so that the call fails where something stands.
fn claim<T>(
    count: usize,
    kind: usize,
    mut make: impl FnMut(NonNull<u8>) -> Result<T, ProviderError>,
) -> Option<T> {
    let searched = searched();
    if NEXT.load(Ordering::Relaxed) == 0 {
        let first = searched.start + system::random() % SPREAD.min(searched.len() / 4).max(1);
        let _ = NEXT.compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed);
    }
    let hint = NEXT.load(Ordering::Relaxed).max(searched.start);
    for step in 0..searched.len() {
        let index = searched.start + (hint - searched.start + step) % searched.len();
        if index + count > searched.end || !claim_at(index, count) {
            continue;
        }
        let address = core::ptr::with_exposed_provenance_mut(index << AREA_SHIFT);
        // SAFETY: window 0 isn't searched.
        match make(unsafe { NonNull::new_unchecked(address) }) {
            Ok(made) => {
                NEXT.store(index + count, Ordering::Relaxed);
                announce(index, count, kind);
                return Some(made);
            }
            Err(error) => {
                release(index, count);
                if !system::is_occupied(&error) {
                    return None;
                }
            }
        }
    }
    None
}

/// Claims `count` windows from `index` if all are free.
fn claim_at(index: usize, count: usize) -> bool {
    let claimed =
        (index..index + count).take_while(|&window| swap(window, NOTHING, CLAIMED)).count();
    if claimed < count {
        release(index, claimed);
    }
    claimed == count
}

/// Lets everyone find what stands in claimed windows.
fn announce(index: usize, count: usize, kind: usize) {
    for tail in &TABLE[index + 1..index + count] {
        tail.store(HUGE_TAIL, Ordering::Release);
    }
    TABLE[index].store(kind, Ordering::Release);
}

fn swap(window: usize, from: usize, to: usize) -> bool {
    TABLE[window].compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

fn release(index: usize, count: usize) {
    for entry in &TABLE[index..index + count] {
        entry.store(NOTHING, Ordering::Release);
    }
}

/// A new area that belongs to `owner`, or to the heap at home in it.
fn new_area(owner: Option<&Heap>, kind: usize) -> Option<NonNull<Area>> {
    claim(1, kind, |address| Area::create(address, owner))
}

/// A new area with a heap at home in it; `None` when there are as many as there may be, or memory is
/// out.
pub(crate) fn new_home() -> Option<NonNull<Area>> {
    let may = HOMES.fetch_add(1, Ordering::Relaxed) < MAX_HOMES;
    if may && let Some(area) = new_area(None, AREA) {
        return Some(area);
    }
    HOMES.fetch_sub(1, Ordering::Relaxed);
    None
}

/// How many areas there are that a thread is at home in, or was.
pub(crate) fn homes() -> usize {
    HOMES.load(Ordering::Relaxed)
}

/// Gives a heap one more area.
pub(crate) fn extend_heap(pools: &mut Pools) -> Option<*mut Area> {
    let owner = pools.owner()?;
    let kind = entry_of(core::ptr::from_ref(owner).addr()).load(Ordering::Relaxed);
    let area = new_area(Some(owner), kind)?.as_ptr();
    // SAFETY: the area was created for this heap just now.
    unsafe { pools.add_area(area) };
    Some(area)
}

/// The sizes of all huge blocks, in bytes.
pub(crate) fn huge_sizes() -> impl Iterator<Item = usize> {
    TABLE.iter().map(|entry| entry.load(Ordering::Acquire)).filter_map(|entry| match entry & KIND {
        HUGE => Some(entry & !KIND),
        _ => None,
    })
}

/// Every heap of threads, those of ended ones among them, from a starting point on.
pub(crate) fn heaps(from: usize) -> impl Iterator<Item = &'static Heap> {
    heaps_of(from, |kind| kind == AREA)
}

/// Every arena heap, those kept for the next among them. The caller holds the lock of [`crate::values`].
pub(crate) fn values() -> impl Iterator<Item = &'static Heap> {
    heaps_of(0, |kind| kind == VALUE || kind == KEPT)
}

/// Where an area that stands in a window begins.
pub(crate) fn area_at(window: usize) -> *mut Area {
    Area::containing(core::ptr::with_exposed_provenance_mut(window << AREA_SHIFT))
}

fn heaps_of(from: usize, is_wanted: fn(usize) -> bool) -> impl Iterator<Item = &'static Heap> {
    (0..WINDOWS).filter_map(move |step| {
        let index = (from + step) % WINDOWS;
        if !is_wanted(TABLE[index].load(Ordering::Acquire)) {
            return None;
        }
        let area = area_at(index);
        // SAFETY: the registry announces the area.
        let (owner, home) = unsafe { (Area::owner(area), &(*area).heap) };
        core::ptr::eq(owner, home).then_some(home)
    })
}

/// The entry of the window that an address of ours lies in.
fn entry_of(address: usize) -> &'static AtomicUsize {
    &TABLE[(address >> AREA_SHIFT) % WINDOWS]
}

/// A new area with an arena heap at home in it.
pub(crate) fn new_value() -> Option<NonNull<Area>> {
    new_area(None, VALUE)
}

/// Marks an arena heap's area as waiting for the next.
pub(crate) fn keep(area: *mut Area) {
    entry_of(area.addr()).store(KEPT, Ordering::Release);
}

/// Takes an area that waits into use again.
pub(crate) fn take_kept() -> Option<NonNull<Area>> {
    let index = (0..WINDOWS).find(|&index| swap(index, KEPT, VALUE))?;
    NonNull::new(core::ptr::with_exposed_provenance_mut(index << AREA_SHIFT))
}

/// Lets nobody find an arena heap's area any more, so that it can be released.
pub(crate) fn withdraw(area: *mut Area) {
    entry_of(area.addr()).store(CLAIMED, Ordering::Release);
}

/// Gives a withdrawn area back to the system, whose blocks are all free.
///
/// # Safety
///
/// Nobody knows of the area but the caller, who doesn't touch it any more.
pub(crate) unsafe fn release_area(area: *mut Area) {
    // SAFETY: the caller's promise.
    unsafe { Area::unmap(area) };
    release(area.addr() >> AREA_SHIFT, 1);
}

/// A block of windows of its own (S4.4): reads as zero, and aligned to [`AREA_SIZE`].
pub(crate) fn allocate_huge(size: usize) -> Option<NonNull<u8>> {
    let size = size.checked_next_multiple_of(stratalloc_pages::os::page_size())?;
    let refused = ProviderError::OutOfMemory { size, align: AREA_SIZE };
    // Refused without a claim on windows that others may want.
    if !ACCOUNT.balance().leaves(size) {
        return None;
    }
    claim(size.div_ceil(AREA_SIZE), size | HUGE, |address| {
        let grant = ACCOUNT.reserve(size).ok_or(refused)?;
        system::map_at(address, size)?;
        grant.commit();
        Ok(address)
    })
}

/// Takes a huge block of `size` bytes back.
///
/// # Safety
///
/// It is live, and not used any more.
pub(crate) unsafe fn free_huge(start: NonNull<u8>, size: usize) {
    let (index, count) = (start.addr().get() >> AREA_SHIFT, size.div_ceil(AREA_SIZE));
    // SAFETY: the caller's promise.
    unsafe { system::unmap(start, size) };
    release(index, count);
    ACCOUNT.give_back(size);
}

/// Gives a huge block another size within its windows; says whether it could.
///
/// # Safety
///
/// It is live, of `old` bytes, and what lies beyond `size` isn't used any more.
pub(crate) unsafe fn resize_huge(start: NonNull<u8>, old: usize, size: usize) -> bool {
    let Some(size) = size.checked_next_multiple_of(stratalloc_pages::os::page_size()) else {
        return false;
    };
    let entry = &TABLE[start.addr().get() >> AREA_SHIFT];
    if size == 0 || size.div_ceil(AREA_SIZE) != old.div_ceil(AREA_SIZE) {
        return false;
    }
    let Some(grant) = ACCOUNT.reserve_growth(old, size) else { return false };
    // SAFETY: both ends lie in the block's windows.
    let end = unsafe { start.add(old.min(size)) };
    // SAFETY: the caller's promise.
    let fits = unsafe {
        if size > old {
            system::map_after(end, size - old).is_ok()
        } else {
            size == old || system::unmap(end, old - size)
        }
    };
    if fits {
        entry.store(size | HUGE, Ordering::Release);
        grant.commit();
        ACCOUNT.give_back_rest(old, size);
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_searched_are_those_of_the_address_space() {
        assert_eq!(searched_of(47), FIRST..WINDOWS);
        assert_eq!(searched_of(42), FIRST..64);
        assert_eq!(searched_of(39), 2..8);
        assert_eq!(searched_of(38), 1..4);
        assert!(searched_of(36).is_empty());
    }

    #[test]
    fn a_stack_at_the_end_of_the_address_space_shows_its_bits() {
        let local = 0_u8;
        // Other threads' stacks lie elsewhere; on this machine's first the kernel's choice is known.
        let high = (&raw const local).addr() >> (BITS - 1) != 0;
        assert!(!high || system::address_bits(BITS) == BITS);
        // What is asked for: address 0 is nobody's, and there is no 63rd bit.
        assert!(system::address_bits(63) < 63);
    }
}
