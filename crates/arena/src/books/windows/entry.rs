//! Entries of the table of windows: one word each.

use core::ptr::NonNull;

use bitflags::bitflags;

use crate::books::owner::Owner;

bitflags! {
    /// The kind of a window. No bit set: nothing of ours stands there.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Kind: usize {
        /// No address leads to it: it is claimed, it waits for its next holder, or it is a later part of a huge block.
        const HIDDEN = 1;
        /// An area, whose heap's address is in the entry.
        const AREA = 2;
        /// One thing in a program's hand: an arena heap, or a huge block, whose size is in the entry.
        const OWNED = 4;
    }
}

impl Kind {
    /// An area of a thread's heap.
    pub(super) const THREAD: Self = Self::AREA;
    /// An area of an arena heap.
    pub(super) const VALUE: Self = Self::AREA.union(Self::OWNED);
    /// An area of an arena heap that waits for the next.
    pub(super) const KEPT: Self = Self::VALUE.union(Self::HIDDEN);
    /// A huge block starts here.
    pub(super) const HUGE: Self = Self::OWNED;
    /// A huge block goes on here.
    const TAIL: Self = Self::OWNED.union(Self::HIDDEN);
}

/// What an address lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// Nothing of ours.
    Foreign,
    /// An area of a thread's heap.
    Thread(Owner),
    /// An area of an arena heap.
    Value(Owner),
    /// A huge block that starts at this window's first byte, of this many bytes.
    Huge(usize),
}

/// A window's word: its kind in the low bits; in the others the address of the heap of an area, or the size of a huge
/// block, which is a multiple of the page size.
///
/// # Invariants
///
/// - [ENTRY-1: owner] With the bit [`Kind::AREA`], the other bits are the address of a heap, which isn't zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Entry(usize);

impl Entry {
    pub(super) const NOTHING: Self = Self(0);
    pub(super) const CLAIMED: Self = Self(Kind::HIDDEN.bits());
    pub(super) const HUGE_TAIL: Self = Self(Kind::TAIL.bits());

    /// Announces an area of this owner.
    pub(super) fn of_area(owner: Owner, kind: Kind) -> Self {
        Self(owner.heap::<()>().as_ptr().expose_provenance() | kind.bits())
    }

    /// Announces a huge block of so many bytes.
    pub(super) const fn of_block(size: usize) -> Self {
        Self(size | Kind::HUGE.bits())
    }

    #[inline(always)]
    pub(super) const fn from_word(word: usize) -> Self {
        Self(word)
    }

    #[inline(always)]
    pub(super) const fn word(self) -> usize {
        self.0
    }

    #[inline(always)]
    pub(super) const fn kind(self) -> Kind {
        Kind::from_bits_truncate(self.0)
    }

    /// The bits beside the kind.
    #[inline(always)]
    const fn content(self) -> usize {
        self.0 & !Kind::all().bits()
    }

    /// The owner of an area.
    #[inline]
    pub(super) fn owner(self) -> Option<Owner> {
        NonNull::new(core::ptr::with_exposed_provenance_mut::<()>(self.content())).map(Owner::at)
    }

    /// What an address of the window lies in.
    #[inline]
    pub(super) fn window(self) -> Window {
        match (self.kind(), self.owner()) {
            (Kind::THREAD, Some(owner)) => Window::Thread(owner),
            (Kind::VALUE, Some(owner)) => Window::Value(owner),
            (Kind::HUGE, _) => Window::Huge(self.content()),
            _ => Window::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_was_put_into_it() {
        let owner = Owner::at(NonNull::from(&8_u64));
        let of = |kind| Entry::of_area(owner, kind).window();
        assert_eq!(of(Kind::THREAD), Window::Thread(owner));
        assert_eq!(of(Kind::VALUE), Window::Value(owner));
        assert_eq!(of(Kind::KEPT), Window::Foreign);
        assert_eq!(Entry::of_area(owner, Kind::KEPT).owner(), Some(owner));
        assert_eq!(Entry::of_block(5 << 30).window(), Window::Huge(5 << 30));
        for entry in [Entry::NOTHING, Entry::CLAIMED, Entry::HUGE_TAIL] {
            assert_eq!((entry.window(), entry.owner()), (Window::Foreign, None));
        }
    }
}
