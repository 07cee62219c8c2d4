//! What an allocator promises, tried by random requests whose blocks know what they should hold.

use core::{alloc::Layout, ptr::NonNull};

use stratalloc::core::Allocator;

/// Blocks that are live at a time.
const LIVE: usize = 24;

const REQUESTS: usize = 4000;

#[derive(Clone, Copy)]
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    fill: u8,
}

impl Block {
    fn write(&self) {
        // SAFETY: live, and so long.
        unsafe { self.start.write_bytes(self.fill, self.layout.size()) };
    }

    fn read(&self, size: usize) {
        for at in 0..size {
            // SAFETY: live, so long, and written.
            assert_eq!(unsafe { self.start.add(at).read() }, self.fill, "content at {at}");
        }
    }
}

/// Makes random requests of up to `max_size` bytes and `max_align`; every block is aligned, and keeps what was written.
///
/// # Panics
///
/// Where the allocator breaks its promise, or serves nothing.
pub(crate) fn hold<A: Allocator>(allocator: &A, max_size: usize, max_align: usize) {
    let mut random = 1_u32;
    let mut below = move |limit: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as usize % limit
    };
    let mut live: [Option<Block>; LIVE] = [None; LIVE];
    let mut served = 0;
    for turn in 0..REQUESTS {
        let limit = max_size.min(1 << below(max_size.ilog2() as usize + 2));
        let align = 1 << below(max_align.ilog2() as usize + 1);
        let layout = Layout::from_size_align(1 + below(limit), align).expect("a layout");
        let slot = &mut live[below(LIVE)];
        *slot = match slot.take() {
            None => allocate(allocator, layout, turn),
            Some(block) if below(2) == 0 => Some(resize(allocator, block, layout)),
            Some(block) => release(allocator, block),
        };
        served += usize::from(slot.is_some());
    }
    assert!(served > REQUESTS / 4, "{served} served");
    for block in live.into_iter().flatten() {
        release(allocator, block);
    }
    let absurd = Layout::from_size_align(isize::MAX as usize, 1).expect("a layout");
    assert!(allocator.allocate(absurd).is_err());
}

/// A new block, zeroed in every fourth turn, and then written to; none if it is refused.
fn allocate<A: Allocator>(allocator: &A, layout: Layout, turn: usize) -> Option<Block> {
    let zeroed = turn % 4 == 0;
    let answer =
        if zeroed { allocator.allocate_zeroed(layout) } else { allocator.allocate(layout) };
    let given = answer.ok()?;
    assert!(given.len() >= layout.size() && given.addr().get() % layout.align() == 0);
    let block = Block { start: given.cast(), layout, fill: 0 };
    if zeroed {
        block.read(layout.size());
    }
    let block = Block { fill: turn as u8, ..block };
    block.write();
    Some(block)
}

/// Gives a block back that holds what was written.
fn release<A: Allocator>(allocator: &A, block: Block) -> Option<Block> {
    block.read(block.layout.size());
    // SAFETY: live with this layout.
    unsafe { allocator.deallocate(block.start, block.layout) };
    None
}

/// The block with another layout, or as it was.
fn resize<A: Allocator>(allocator: &A, block: Block, layout: Layout) -> Block {
    block.read(block.layout.size());
    let grows = layout.size() >= block.layout.size();
    // SAFETY: live with this layout, which is no larger than the new one, or no smaller.
    let answer = unsafe {
        if grows {
            allocator.grow(block.start, block.layout, layout)
        } else {
            allocator.shrink(block.start, block.layout, layout)
        }
    };
    let Ok(given) = answer else {
        block.read(block.layout.size());
        return block;
    };
    assert!(given.len() >= layout.size() && given.addr().get() % layout.align() == 0);
    let moved = Block { start: given.cast(), layout, ..block };
    moved.read(layout.size().min(block.layout.size()));
    moved.write();
    moved
}
