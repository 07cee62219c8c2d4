//! The process's malloc, by the names of C: ours where `cargo xtask fuzz` preloads it.

use std::{alloc::Layout, ffi::c_void, hint::black_box, ptr::NonNull, thread};

use stratalloc_core::{AllocError, Allocator, FreeUnsized, UsableSize};
use stratalloc_testkit::{Extensions, Watched};

use crate::program::{REQUEST, Request, requests, step};

/// The alignment of `malloc`.
const ALIGN: usize = 16;

/// The C library's functions as an allocator.
struct Malloc;

fn block(start: *mut c_void, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let start = NonNull::new(start.cast()).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(start, layout.size()))
}

impl Malloc {
    /// Returns a block of a layout that fits, whose content is carried over up to the smaller size.
    unsafe fn resize(
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, and `old` fits it. Size 0 is left to `malloc`: C leaves `realloc`'s open.
        unsafe {
            if new.align() <= ALIGN && new.size() > 0 {
                return self::block(libc::realloc(block.as_ptr().cast(), new.size()), new);
            }
            let moved = Self.allocate(new)?;
            let kept = old.size().min(new.size());
            moved.cast::<u8>().copy_from_nonoverlapping(block, kept);
            libc::free(block.as_ptr().cast());
            Ok(moved)
        }
    }
}

// SAFETY: C's malloc keeps the contract; each size has a block of its own, 0 too.
unsafe impl Allocator for Malloc {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let (size, align) = (layout.size(), layout.align());
        let mut start = std::ptr::null_mut();
        // SAFETY: `start` is written to; the rest has no preconditions.
        let start = unsafe {
            match size % 3 {
                _ if align <= ALIGN => libc::malloc(size),
                0 => libc::aligned_alloc(align, size.next_multiple_of(align)),
                1 => libc::memalign(align, size),
                _ if libc::posix_memalign(&raw mut start, align, size) == 0 => start,
                _ => std::ptr::null_mut(),
            }
        };
        block(start, layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.align() > ALIGN {
            let block = self.allocate(layout)?;
            // SAFETY: just allocated.
            unsafe { block.cast::<u8>().write_bytes(0, block.len()) };
            return Ok(block);
        }
        let (count, size) = if layout.size().is_multiple_of(3) {
            (3, layout.size() / 3)
        } else {
            (1, layout.size())
        };
        // SAFETY: no preconditions.
        block(unsafe { libc::calloc(count, size) }, layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, _: Layout) {
        // SAFETY: the block is live, and the layout fits it.
        unsafe { libc::free(block.as_ptr().cast()) };
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no smaller.
        unsafe { Self::resize(block, old, new) }
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the block is live, `old` fits it, and `new` is no larger.
        unsafe { Self::resize(block, old, new) }
    }
}

// SAFETY: a block's usable bytes are its own.
unsafe impl UsableSize for Malloc {
    unsafe fn usable_size(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the block is live.
        unsafe { libc::malloc_usable_size(block.as_ptr().cast()) }
    }
}

impl FreeUnsized for Malloc {
    unsafe fn free_unsized(&self, block: NonNull<u8>) {
        // SAFETY: the block is live.
        unsafe { libc::free(block.as_ptr().cast()) };
    }
}

/// A program of calls, some of them by threads that end again, some of them wrong in a way that C defines.
pub(crate) fn run(data: &[u8]) {
    let mut watched =
        Watched::with_extensions(&Malloc, Extensions::default().usable_size().free_unsized());
    let mut program = data.as_chunks::<REQUEST>().0;
    while let Some((&request, rest)) = program.split_first() {
        program = rest;
        match request {
            [(250..), ..] => refuse(request),
            [(245..), length, ..] => {
                let (others, rest) = program.split_at(usize::from(length % 32).min(program.len()));
                program = rest;
                let run = || {
                    requests(others.as_flattened())
                        .for_each(|request| _ = step(&mut watched, request, 40));
                };
                thread::scope(|scope| scope.spawn(run).join()).unwrap();
            }
            _ => _ = step(&mut watched, request, 40),
        }
    }
    watched.verify().unwrap();
    watched.clear().unwrap();
}

/// Calls that must fail, with `errno` or an answer that says why, and change nothing.
fn refuse([_, kind, low, high]: Request) {
    let number = usize::from(low) | usize::from(high) << 8;
    let beyond = isize::MAX as usize + 1 + number;
    // SAFETY: no call has preconditions but those that are given a block: that is live.
    unsafe {
        *libc::__errno_location() = 0;
        match kind % 4 {
            // The compiler knows these functions: it would drop calls whose blocks nobody uses.
            0 => assert!(black_box(libc::malloc(beyond)).is_null()),
            1 => assert!(black_box(libc::calloc(beyond, 2 + number)).is_null()),
            2 => {
                let block = black_box(libc::malloc(number));
                assert!(black_box(libc::realloc(block, beyond)).is_null());
                assert!(black_box(libc::reallocarray(block, beyond, 3)).is_null());
                assert!(libc::malloc_usable_size(block) >= number);
                libc::free(block);
            }
            _ => {
                // Neither a power of two nor, where it is one, a multiple of a pointer's size.
                let align = if number.is_power_of_two() { number % 8 } else { number };
                let mut block = std::ptr::dangling_mut();
                assert_eq!(libc::posix_memalign(&raw mut block, align, 8), libc::EINVAL, "{align}");
                assert_eq!(block, std::ptr::dangling_mut());
                return;
            }
        }
        assert_eq!(*libc::__errno_location(), libc::ENOMEM);
    }
}
