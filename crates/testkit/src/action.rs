//! Requests at random.

use quickcheck::{Arbitrary, Gen};

/// One request to an allocator. Blocks are named by an index into those live at the time, modulo
/// their number; without any, the request is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Allocate a block, zeroed or not.
    Allocate {
        /// Bytes.
        size: usize,
        /// A power of two.
        align: usize,
        /// Whether it must be zero.
        zeroed: bool,
    },
    /// Give a block back, with its layout, or without where the allocator can do so.
    Deallocate {
        /// Which one.
        index: usize,
        /// With its layout.
        sized: bool,
    },
    /// Grow or shrink a block, which may move.
    Resize {
        /// Which one.
        index: usize,
        /// The bytes wanted.
        size: usize,
        /// The alignment wanted, a power of two.
        align: usize,
        /// Whether what is new must be zero.
        zeroed: bool,
    },
    /// Grow or shrink a block without moving it, where the allocator can do so.
    ResizeInPlace {
        /// Which one.
        index: usize,
        /// The bytes wanted.
        size: usize,
    },
    /// Look at the content of every live block.
    Verify,
}

/// A sequence of requests.
pub type Program = Vec<Action>;

/// Returns a number below `end`, which must not be zero.
fn below(g: &mut Gen, end: usize) -> usize {
    // `Gen` offers no ranges; the bias of the remainder is of no concern here.
    usize::arbitrary(g) % end
}

/// Mostly small, often at the edge of a class or of a power of two, now and then large.
fn size(g: &mut Gen) -> usize {
    match below(g, 16) {
        0..=6 => below(g, 129),
        7..=9 => {
            let class = stratalloc_core::SizeClass::from_index(below(g, 80));
            class.map_or(0, |class| class.block_size() + below(g, 3) - 1)
        }
        10..=12 => {
            let shift = below(g, 17);
            below(g, 1 << shift)
        }
        13..=14 => (1_usize << below(g, 18)) + below(g, 3) - 1,
        _ => (1_usize << (16 + below(g, 7))) + below(g, 3) - 1,
    }
}

/// Mostly that of common types, now and then up to 2 MiB.
fn align(g: &mut Gen) -> usize {
    match below(g, 16) {
        0..=11 => 1 << below(g, 5),
        12..=14 => 1 << below(g, 13),
        _ => 1 << below(g, 22),
    }
}

impl Arbitrary for Action {
    fn arbitrary(g: &mut Gen) -> Self {
        let index = usize::arbitrary(g);
        match below(g, 16) {
            0..=6 => Self::Allocate { size: size(g), align: align(g), zeroed: below(g, 4) == 0 },
            7..=10 => Self::Deallocate { index, sized: bool::arbitrary(g) },
            11..=12 => {
                Self::Resize { index, size: size(g), align: align(g), zeroed: bool::arbitrary(g) }
            }
            13..=14 => Self::ResizeInPlace { index, size: size(g) },
            _ => Self::Verify,
        }
    }

    /// Towards small, unaligned requests for the first block.
    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        match *self {
            Self::Allocate { size, align, zeroed } => {
                Box::new(
                    (size, align.ilog2(), zeroed).shrink().map(|(size, log2, zeroed)| {
                        Self::Allocate { size, align: 1 << log2, zeroed }
                    }),
                )
            }
            Self::Deallocate { index, sized } => {
                Box::new(index.shrink().map(move |index| Self::Deallocate { index, sized }))
            }
            Self::Resize { index, size, align, zeroed } => Box::new(
                (index, size, align.ilog2(), zeroed).shrink().map(|(index, size, log2, zeroed)| {
                    Self::Resize { index, size, align: 1 << log2, zeroed }
                }),
            ),
            Self::ResizeInPlace { index, size } => {
                let smaller = (index, size).shrink();
                Box::new(smaller.map(|(index, size)| Self::ResizeInPlace { index, size }))
            }
            Self::Verify => quickcheck::empty_shrinker(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_every_range_comes_up() {
        let mut g = Gen::from_size_and_seed(100, 1);
        let actions: Vec<_> = (0..4000).map(|_| Action::arbitrary(&mut g)).collect();
        let asks = |wanted: fn(usize, usize) -> bool| {
            actions.iter().any(|action| {
                matches!(*action, Action::Allocate { size, align, .. } if wanted(size, align))
            })
        };
        assert!(asks(|size, _| size == 0));
        assert!(asks(|size, _| size > 1 << 20));
        assert!(asks(|_, align| align > 1 << 16));
        let kinds: std::collections::HashSet<_> =
            actions.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 5);
    }

    #[test]
    fn shrinking_comes_to_an_end() {
        let mut action = Action::Resize { index: 9, size: 1 << 20, align: 64, zeroed: true };
        let steps = std::iter::from_fn(|| {
            action = action.shrink().next()?;
            Some(())
        });
        assert!(steps.take(1000).count() < 1000);
    }
}
