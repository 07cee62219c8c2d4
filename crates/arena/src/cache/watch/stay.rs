//! A thread's stay in tags, while a watch stands in place of its cache.

use crate::{
    cache::watch::Watch,
    heap::{Visit, tag::TagBook},
    plan::bins::Bin,
    sys::lock::Mark,
};

/// A thread's stay in tags.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stay {
    /// The tag that the thread entered last; `None` while it is in none.
    tag: Option<&'static TagBook>,
    /// How often it entered one and didn't leave it yet.
    depth: usize,
}

impl Stay {
    /// Whether the thread entered a tag that it didn't leave yet.
    pub(crate) fn goes_on(self) -> bool {
        self.depth != 0
    }
}

impl Watch {
    /// The thread's stay in tags.
    pub(crate) fn stay(&self) -> Stay {
        self.stay.get()
    }

    /// The tag that the thread is in.
    #[inline]
    pub(crate) fn tag(&self) -> Option<&'static TagBook> {
        self.stay.get().tag
    }

    /// Has the thread stay in tags as it did before a watch was closed.
    pub(crate) fn resume(&self, stay: Stay) {
        self.stay.set(stay);
    }

    /// Has the thread enter a tag; returns the one that it was in.
    pub(crate) fn enter(
        &self,
        mark: Mark,
        tag: &'static TagBook,
    ) -> (Option<&'static TagBook>, Visit) {
        let Stay { tag: before, depth } = self.stay.get();
        let visit = if before.is_none() { self.empty(mark) } else { Visit::NONE };
        self.stay.set(Stay { tag: Some(tag), depth: depth + 1 });
        (before, visit)
    }

    /// Has the thread be in the tag again that it was in before it entered one; in none, if it left as often as it entered.
    /// Returns whether the watch has nothing more to do then.
    pub(crate) fn leave(&self, before: Option<&'static TagBook>) -> bool {
        let depth = self.stay.get().depth.saturating_sub(1);
        let tag = if depth == 0 { None } else { before };
        self.stay.set(Stay { tag, depth });
        depth == 0 && !self.counts()
    }

    /// Counts a block of a bin that comes from the heap of a tag; returns whether to sample it.
    pub(crate) fn is_due_in_tag(&self, bin: Bin) -> bool {
        let is_due = self.until.pass_in_tag(bin, self.rates(), || self.random());
        is_due && !self.busy.get()
    }
}
