//! An allocator under the eyes of the shadow oracle.

use std::{alloc::Layout, ptr::NonNull};

use stratalloc_core::{AllocError, Allocator};

use crate::{Block, Shadow, Violation, pattern};

mod extensions;

pub use extensions::Extensions;

/// An allocator, the blocks of it that are live, and a [`Shadow`] that checks every answer.
///
/// Live blocks are named by their index in [`live`](Self::live); giving one back moves the last one
/// to its place. Dropping a `Watched` leaks what is live, as after a violation nothing else is safe:
/// end with [`clear`](Self::clear).
///
/// ```
/// use std::alloc::Layout;
/// use stratalloc_testkit::{System, Violation, Watched};
///
/// let mut watched = Watched::new(&System);
/// let layout = Layout::new::<[u64; 4]>();
/// assert!(watched.allocate(layout, true)?);
/// assert!(watched.resize(0, Layout::new::<[u64; 9]>(), false)?);
/// watched.verify()?;
/// watched.clear()?;
/// # Ok::<(), Violation>(())
/// ```
#[derive(Debug)]
pub struct Watched<'a, A: Allocator + ?Sized> {
    allocator: &'a A,
    extensions: Extensions<A>,
    shadow: Shadow,
    live: Vec<Block>,
}

impl<'a, A: Allocator + ?Sized> Watched<'a, A> {
    /// Watches `allocator`; blocks that are live already are not watched.
    pub fn new(allocator: &'a A) -> Self {
        Self::with_extensions(allocator, Extensions::default())
    }

    /// Watches `allocator`, and puts these extension traits to use.
    pub fn with_extensions(allocator: &'a A, extensions: Extensions<A>) -> Self {
        Self { allocator, extensions, shadow: Shadow::new(), live: Vec::new() }
    }

    /// Returns the allocator.
    pub fn allocator(&self) -> &'a A {
        self.allocator
    }

    /// Returns the live blocks.
    pub fn live(&self) -> &[Block] {
        &self.live
    }

    /// Allocates a block, which becomes the last of the live ones; `false` if it is refused.
    pub fn allocate(&mut self, layout: Layout, zeroed: bool) -> Result<bool, Violation> {
        let answer = if zeroed {
            self.allocator.allocate_zeroed(layout)
        } else {
            self.allocator.allocate(layout)
        };
        let Ok(block) = answer else { return Ok(false) };
        if zeroed && block.len() >= layout.size() {
            // SAFETY: a new zeroed block is readable in its whole length.
            unsafe { expect_zero(block, 0) }?;
        }
        self.enter(block, layout)?;
        Ok(true)
    }

    /// Gives a block back with a layout that fits it.
    pub fn deallocate(&mut self, index: usize) -> Result<(), Violation> {
        let block = self.release(index)?;
        // SAFETY: the block is live in this allocator, the layout fits, and it is forgotten here.
        unsafe { self.allocator.deallocate(block.start(), block.fitting_layout()) };
        Ok(())
    }

    /// Gives a block back without a layout, if the allocator can do so and the layout isn't empty; else
    /// with it.
    pub fn free_unsized(&mut self, index: usize) -> Result<(), Violation> {
        let free = self.extensions.free_unsized;
        let Some(free) = free.filter(|_| self.live[index].layout().size() > 0) else {
            return self.deallocate(index);
        };
        let block = self.release(index)?;
        // SAFETY: the block is live in this allocator, not empty, and forgotten here.
        unsafe { free(self.allocator, block.start()) };
        Ok(())
    }

    /// Grows or shrinks a block, which stays at its index; `false` if it is refused.
    pub fn resize(&mut self, index: usize, new: Layout, zeroed: bool) -> Result<bool, Violation> {
        let block = &self.live[index];
        block.verify()?;
        let old = block.fitting_layout();
        // SAFETY: the block is live, and `old` fits it.
        let answer = unsafe { resized(self.allocator, block.start(), [old, new], zeroed) };
        let Ok(moved) = answer else {
            self.live[index].verify()?;
            return Ok(false);
        };
        self.shadow.forget(&self.live[index]);
        if moved.len() >= new.size() {
            let keep = old.size().min(new.size());
            // SAFETY: a new block is readable in as much of its length as was carried over or
            // zeroed.
            unsafe {
                self.live[index].verify_prefix_at(moved.cast(), keep)?;
                if zeroed && new.size() >= old.size() {
                    expect_zero(moved, old.size())?;
                }
            }
        }
        self.enter(moved, new)?;
        self.live.swap_remove(index);
        Ok(true)
    }

    /// Resizes a block where it is; `false` if that is refused, or the allocator can't do so.
    pub fn resize_in_place(&mut self, index: usize, size: usize) -> Result<bool, Violation> {
        let Some(resize) = self.extensions.resize_in_place else { return Ok(false) };
        let block = &self.live[index];
        let (start, old) = (block.start(), block.fitting_layout());
        let Ok(new) = Layout::from_size_align(size, old.align()) else { return Ok(false) };
        // SAFETY: the block is live, `old` fits it, and the alignment is the same.
        let answer = unsafe { resize(self.allocator, start, old, new) };
        if answer.is_err() {
            block.verify()?;
            return Ok(false);
        }
        self.shadow.forget(block);
        // SAFETY: the block is still live, and holds what it held up to the smaller of the sizes.
        unsafe { block.verify_prefix_at(start, old.size().min(size)) }?;
        self.enter(NonNull::slice_from_raw_parts(start, size), new)?;
        self.live.swap_remove(index);
        Ok(true)
    }

    /// Looks at the content of every live block.
    pub fn verify(&self) -> Result<(), Violation> {
        self.live.iter().try_for_each(Block::verify)
    }

    /// Gives every block back, the last one first.
    pub fn clear(&mut self) -> Result<(), Violation> {
        while let Some(last) = self.live.len().checked_sub(1) {
            self.deallocate(last)?;
        }
        Ok(())
    }

    /// Hands a block over; it stays live in the allocator.
    pub fn release(&mut self, index: usize) -> Result<Block, Violation> {
        let block = self.live.swap_remove(index);
        self.shadow.leave(&block)?;
        Ok(block)
    }

    /// Takes over a block of the same allocator that another `Watched` released.
    pub fn adopt(&mut self, block: Block) -> Result<(), Violation> {
        self.shadow.adopt(&block)?;
        self.live.push(block);
        Ok(())
    }

    /// Checks and files a block that the allocator just returned.
    fn enter(&mut self, block: NonNull<[u8]>, layout: Layout) -> Result<(), Violation> {
        // SAFETY: a block just returned is ours to write.
        let block = unsafe { self.shadow.enter(block, layout) }?;
        self.check_usable_size(&block)?;
        self.check_owns(&block)?;
        self.live.push(block);
        Ok(())
    }

    fn check_usable_size(&self, block: &Block) -> Result<(), Violation> {
        let Some(usable_size) = self.extensions.usable_size else { return Ok(()) };
        if block.layout().size() == 0 {
            return Ok(());
        }
        // SAFETY: the block is live and not empty.
        let told = unsafe { usable_size(self.allocator, block.start()) };
        let (address, returned) = (block.address(), block.usable());
        if told < returned {
            return Err(Violation::UsableSize { address, told, returned });
        }
        Ok(())
    }

    fn check_owns(&self, block: &Block) -> Result<(), Violation> {
        let Some(owns) = self.extensions.owns else { return Ok(()) };
        let expect = |at: NonNull<u8>, expected| {
            let address = at.addr().get();
            let answer = owns(self.allocator, at);
            if answer == expected { Ok(()) } else { Err(Violation::Owns { address, expected }) }
        };
        if block.usable() > 0 {
            expect(block.start(), true)?;
            // SAFETY: the last byte of the block.
            expect(unsafe { block.start().add(block.usable() - 1) }, true)?;
        }
        let mut foreign = 0_u8;
        expect(NonNull::from(&mut foreign), false)
    }
}

/// Asks for another size of a block: by the call that makes it smaller, or larger and `zeroed` or not.
///
/// # Safety
///
/// `block` is live in `allocator`, and `old` fits it.
unsafe fn resized<A: Allocator + ?Sized>(
    allocator: &A,
    block: NonNull<u8>,
    [old, new]: [Layout; 2],
    zeroed: bool,
) -> Result<NonNull<[u8]>, AllocError> {
    // SAFETY: the block is live, `old` fits it, and the sizes compare as each call demands.
    unsafe {
        if new.size() < old.size() {
            allocator.shrink(block, old, new)
        } else if zeroed {
            allocator.grow_zeroed(block, old, new)
        } else {
            allocator.grow(block, old, new)
        }
    }
}

/// Checks that a block is zero from the byte `from` on.
///
/// # Safety
///
/// The block can be read.
unsafe fn expect_zero(block: NonNull<[u8]>, from: usize) -> Result<(), Violation> {
    // SAFETY: the block can be read.
    match unsafe { pattern::find_nonzero(block.cast(), from, block.len()) } {
        None => Ok(()),
        Some((offset, found)) => {
            let address = block.cast::<u8>().addr().get();
            Err(Violation::NotZeroed { address, offset, found })
        }
    }
}
