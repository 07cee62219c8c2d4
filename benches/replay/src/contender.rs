//! Free-list heaps behind one face: fixed memory, blocks aligned to 16 bytes.

use std::{alloc::Layout, cell::Cell, ptr::NonNull, ptr::null_mut};

use stratalloc_heap::{AllocError, Allocator, Compact, Heap, NoBase, Policy};

/// Alignment of every block, in bytes; heaps with smaller granules are told so in their names.
pub(crate) const ALIGN: usize = 16;

/// A heap over fixed memory.
///
/// # Safety
///
/// Blocks given to `free` and `resize` are live, with the size they were last asked for; the memory
/// given to `create` is the heap's alone.
pub(crate) trait Contender: Sized {
    /// A heap that serves from `size` bytes at `memory`, if it can use so few.
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>>;

    /// A block, or null.
    fn allocate(&mut self, size: usize) -> *mut u8;

    /// Takes a block back. Some are told its size.
    unsafe fn free(&mut self, block: *mut u8, size: usize);

    /// Resizes a block, or answers null and leaves it.
    unsafe fn resize(&mut self, block: *mut u8, old: usize, new: usize) -> *mut u8 {
        let moved = self.allocate(new);
        if !moved.is_null() {
            // SAFETY: both blocks are live and hold the smaller of the sizes.
            unsafe {
                moved.copy_from_nonoverlapping(block, old.min(new));
                self.free(block, old);
            }
        }
        moved
    }
}

fn layout(size: usize) -> Layout {
    // Sizes of traces are far below the limit.
    Layout::from_size_align(size, ALIGN).unwrap_or(Layout::new::<u128>())
}

fn or_null<E>(block: Result<NonNull<u8>, E>) -> *mut u8 {
    block.map_or(null_mut(), NonNull::as_ptr)
}

impl<P: Policy> Contender for Heap<NoBase, P> {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        let heap = Box::new(Self::new(NoBase));
        // SAFETY: the memory is the heap's alone for as long as that lives.
        unsafe { heap.add_region(memory, size) }.then_some(heap)
    }

    #[inline]
    fn allocate(&mut self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    #[inline]
    unsafe fn free(&mut self, block: *mut u8, _: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { Self::free(self, block) }
    }

    #[inline]
    unsafe fn resize(&mut self, block: *mut u8, _: usize, new: usize) -> *mut u8 {
        // SAFETY: the block is live, and has this size.
        unsafe { self.realloc(block, new) }
    }
}

/// A base that gives what continues what it gave before, as a program's break does.
pub(crate) struct Break {
    start: NonNull<u8>,
    taken: Cell<usize>,
    size: usize,
}

// SAFETY: what is given is taken again only where the last of it was given back.
unsafe impl Allocator for Break {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let from = self.taken.get();
        let to = from + layout.size();
        if to > self.size {
            return Err(AllocError);
        }
        self.taken.set(to);
        // SAFETY: the piece lies in the memory.
        Ok(NonNull::slice_from_raw_parts(unsafe { self.start.add(from) }, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if block.addr().get() + layout.size() == self.start.addr().get() + self.taken.get() {
            self.taken.set(self.taken.get() - layout.size());
        }
    }
}

/// Our heap over memory that it asks for piece by piece.
pub(crate) struct Growing(Heap<Break>);

impl Contender for Growing {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        let base = Break { start: memory, taken: Cell::new(0), size };
        Some(Box::new(Self(Heap::new(base))))
    }

    #[inline]
    fn allocate(&mut self, size: usize) -> *mut u8 {
        self.0.malloc(size)
    }

    #[inline]
    unsafe fn free(&mut self, block: *mut u8, _: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { self.0.free(block) }
    }

    #[inline]
    unsafe fn resize(&mut self, block: *mut u8, _: usize, new: usize) -> *mut u8 {
        // SAFETY: the block is live, and has this size.
        unsafe { self.0.realloc(block, new) }
    }
}

/// Gives dlmalloc its one region.
pub(crate) struct Region(Cell<*mut u8>, usize);

// SAFETY: the region is its holder's alone.
unsafe impl Send for Region {}

// SAFETY: the region is given once, whole, as external memory that is never taken back.
unsafe impl dlmalloc::Allocator for Region {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        if size > self.1 { (null_mut(), 0, 0) } else { (self.0.replace(null_mut()), self.1, 1) }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        false
    }

    /// As small as it goes, so that dlmalloc asks for no more than it needs.
    fn page_size(&self) -> usize {
        16
    }
}

impl Contender for dlmalloc::Dlmalloc<Region> {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        Some(Box::new(Self::new_with_allocator(Region(Cell::new(memory.as_ptr()), size))))
    }

    #[inline]
    fn allocate(&mut self, size: usize) -> *mut u8 {
        // SAFETY: the alignment is a power of two.
        unsafe { self.malloc(size, ALIGN) }
    }

    #[inline]
    unsafe fn free(&mut self, block: *mut u8, size: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { self.free(block, size, ALIGN) }
    }

    #[inline]
    unsafe fn resize(&mut self, block: *mut u8, old: usize, new: usize) -> *mut u8 {
        // SAFETY: the block is live, and has this size.
        unsafe { self.realloc(block, old, ALIGN, new) }
    }
}

/// rlsf with parameters that suit heaps of up to gigabytes.
pub(crate) type Rlsf = rlsf::Tlsf<'static, u32, u32, 28, 8>;

impl Contender for Rlsf {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        let mut heap = Box::new(Self::new());
        // SAFETY: the memory is the heap's alone for as long as that lives.
        unsafe { heap.insert_free_block_ptr(NonNull::slice_from_raw_parts(memory, size)) }?;
        Some(heap)
    }

    #[inline]
    fn allocate(&mut self, size: usize) -> *mut u8 {
        self.allocate(layout(size)).map_or(null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn free(&mut self, block: *mut u8, _: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { self.deallocate(NonNull::new_unchecked(block), ALIGN) }
    }

    #[inline]
    unsafe fn resize(&mut self, block: *mut u8, _: usize, new: usize) -> *mut u8 {
        // SAFETY: the block is live, and has this size.
        unsafe { self.reallocate(NonNull::new_unchecked(block), layout(new)) }
            .map_or(null_mut(), NonNull::as_ptr)
    }
}

/// talc, which is told sizes at free.
pub(crate) type Talc = talc::base::Talc<talc::source::Manual, talc::DefaultBinning>;

impl Contender for Talc {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        let mut heap = Box::new(Self::new(talc::source::Manual));
        // SAFETY: the memory is the heap's alone for as long as that lives.
        unsafe { heap.claim(memory.as_ptr(), size) }?;
        Some(heap)
    }

    #[inline]
    fn allocate(&mut self, size: usize) -> *mut u8 {
        // SAFETY: sizes of traces aren't zero.
        unsafe { self.allocate(layout(size)) }.map_or(null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn free(&mut self, block: *mut u8, size: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { self.deallocate(block, layout(size)) }
    }

    unsafe fn resize(&mut self, block: *mut u8, old: usize, new: usize) -> *mut u8 {
        // SAFETY: the block is live, and has this size; both blocks hold the smaller of the sizes.
        unsafe {
            if self.try_realloc_in_place(block, layout(old), new) {
                return block;
            }
            let moved = Contender::allocate(self, new);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, old.min(new));
                Contender::free(self, block, old);
            }
            moved
        }
    }
}

impl Contender for good_memory_allocator::Allocator {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        let mut heap = Box::new(Self::empty());
        // SAFETY: the memory is the heap's alone for as long as that lives.
        unsafe { heap.init(memory.as_ptr().expose_provenance(), size) };
        Some(heap)
    }

    fn allocate(&mut self, size: usize) -> *mut u8 {
        // SAFETY: the heap is initialised.
        unsafe { self.alloc(layout(size)) }
    }

    unsafe fn free(&mut self, block: *mut u8, _: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { self.dealloc(block) }
    }
}

impl Contender for linked_list_allocator::Heap {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        // SAFETY: the memory is the heap's alone for as long as that lives.
        Some(Box::new(unsafe { Self::new(memory.as_ptr(), size) }))
    }

    fn allocate(&mut self, size: usize) -> *mut u8 {
        or_null(self.allocate_first_fit(layout(size)))
    }

    unsafe fn free(&mut self, block: *mut u8, size: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { self.deallocate(NonNull::new_unchecked(block), layout(size)) }
    }
}

impl Contender for buddy_system_allocator::Heap<32> {
    unsafe fn create(memory: NonNull<u8>, size: usize) -> Option<Box<Self>> {
        let mut heap = Box::new(Self::new());
        // SAFETY: the memory is the heap's alone for as long as that lives.
        unsafe { heap.init(memory.as_ptr().expose_provenance(), size) };
        Some(heap)
    }

    fn allocate(&mut self, size: usize) -> *mut u8 {
        or_null(self.alloc(layout(size)))
    }

    unsafe fn free(&mut self, block: *mut u8, size: usize) {
        // SAFETY: the block is live, and has this size.
        unsafe { self.dealloc(NonNull::new_unchecked(block), layout(size)) }
    }
}

/// Our heap as it comes.
pub(crate) type Default = Heap<NoBase, Compact>;
