//! Random requests against a shadow that knows every live block.

mod common;

use std::{alloc::Layout, collections::BTreeMap, ptr::NonNull};

use common::{Memory, SEED_HEAP, free, is_painted, paint};
use quickcheck::{Arbitrary, Gen, QuickCheck};
use stratalloc_core::{Allocator, Owns};
use stratalloc_pool::{Bare, Checked, Config, Full, Mode, Pool, Spilling, Split, Wide};

#[derive(Clone, Copy, Debug)]
enum Action {
    Malloc(usize),
    Free(usize),
    Resize(usize, usize),
    Deallocate(usize),
}

impl Arbitrary for Action {
    fn arbitrary(source: &mut Gen) -> Self {
        let size = usize::from(u16::arbitrary(source)) >> (u8::arbitrary(source) % 16);
        let which = usize::arbitrary(source);
        match u8::arbitrary(source) % 8 {
            0..4 => Self::Malloc(size),
            4 | 5 => Self::Free(which),
            6 => Self::Deallocate(which),
            _ => Self::Resize(which, size),
        }
    }
}

/// Live blocks by address: the size asked for and the color they are painted in.
#[derive(Default)]
struct Shadow {
    live: BTreeMap<NonNull<u8>, (usize, u8)>,
    color: u8,
}

impl Shadow {
    fn add(&mut self, block: NonNull<u8>, size: usize) {
        self.color = self.color.wrapping_add(1);
        paint(block, size, self.color);
        if let Some((&below, &(size_below, _))) = self.live.range(..=block).next_back() {
            assert!(below.addr().get() + size_below <= block.addr().get(), "overlap");
        }
        if let Some((&above, _)) = self.live.range(block..).next() {
            assert!(block.addr().get() + size <= above.addr().get(), "overlap");
        }
        self.live.insert(block, (size, self.color));
    }

    fn remove(&mut self, which: usize) -> Option<(NonNull<u8>, usize)> {
        let block = *self.live.keys().nth(which % self.live.len().max(1))?;
        let (size, color) = self.live.remove(&block)?;
        assert!(is_painted(block, size, color), "a live block was written to");
        Some((block, size))
    }
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn act<M: Mode>(pool: &Pool<'_, M>, align: usize, shadow: &mut Shadow, action: Action) {
    match action {
        Action::Malloc(size) => {
            if let Some(block) = pool.malloc(size) {
                assert!(block.addr().get() % align == 0 && pool.owns(block));
                assert!(pool.usable_size(block).unwrap() >= size);
                shadow.add(block, size);
            }
        }
        Action::Free(which) => {
            if let Some((block, _)) = shadow.remove(which) {
                free(pool, block).unwrap();
            }
        }
        Action::Deallocate(which) => {
            if let Some((block, size)) = shadow.remove(which) {
                // SAFETY: the block is live, and its layout fits.
                unsafe { pool.deallocate(block, layout(size, align)) };
            }
        }
        Action::Resize(which, size) => {
            let Some((block, old)) = shadow.remove(which) else { return };
            let (old, new) = (layout(old, align), layout(size.max(1), align));
            // SAFETY: the block is live, and its layout fits.
            let moved = unsafe {
                if new.size() >= old.size() {
                    pool.grow_zeroed(block, old, new)
                } else {
                    pool.shrink(block, old, new)
                }
            };
            let (block, size) = moved.map_or((block, old.size()), |moved| {
                let moved = moved.cast();
                // SAFETY: the block is ours, of this size.
                let rest = unsafe { moved.add(old.size().min(new.size())) };
                assert!(is_painted(rest, new.size().saturating_sub(old.size()), 0));
                (moved, new.size())
            });
            shadow.add(block, size);
        }
    }
}

/// The configurations that are tried.
const CONFIGS: [Config<'_>; 4] = [
    Config::new(&[8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]),
    Config::new(ODD).packed(),
    Config::new(ODD).align(64).split(Split::Proportional),
    Config::new(ODD).split(Split::Counts(&[40, 1, 1, 90, 60, 50, 40, 10, 5])),
];
const ODD: &[usize] = &[1, 2, 3, 5, 17, 100, 255, 1000, 3001];

fn property<M: Mode, const CONFIG: usize>(actions: Vec<Action>) {
    let config = &CONFIGS[CONFIG];
    let mut memory = Memory::new(SEED_HEAP);
    let pool = Pool::<M>::new(memory.bytes(), config).ok().unwrap();
    let mut shadow = Shadow::default();
    for action in actions {
        act(&pool, config.align_of_blocks(), &mut shadow, action);
    }
    pool.validate().unwrap();
    while shadow.remove(0).is_some_and(|(block, _)| free(&pool, block).is_ok()) {}
    assert!(shadow.live.is_empty());
    pool.validate().unwrap();
}

fn run<M: Mode, const CONFIG: usize>() {
    QuickCheck::new()
        .rng(Gen::new(2000))
        .tests(50)
        .quickcheck(property::<M, CONFIG> as fn(Vec<Action>));
}

#[test]
fn bare() {
    run::<Bare, 0>();
    run::<Bare, 1>();
}

#[test]
fn checked() {
    run::<Checked, 1>();
    run::<Checked, 3>();
}

#[test]
fn full() {
    run::<Full, 0>();
    run::<Full, 2>();
}

#[test]
fn spilling() {
    run::<Spilling<Full>, 0>();
    run::<Spilling<Bare>, 1>();
}

#[test]
fn wide() {
    run::<Wide<Full>, 0>();
    run::<Wide<Spilling<Full>>, 1>();
}
