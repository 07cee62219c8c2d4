//! The feature `announce`: heaptrack and valgrind, which see calls of C's `malloc` alone, are told of each block.

use core::{
    alloc::{GlobalAlloc, Layout},
    ffi::{CStr, c_char, c_void},
    mem::transmute,
    ptr::null_mut,
    sync::atomic::{AtomicPtr, Ordering},
};

use stratalloc_arena::global;

use super::Stratalloc;

// SAFETY: the global arenas keep `GlobalAlloc`'s contract, as without announcements. What isn't here is std's own way, by
// way of these: so the arenas touch no block that a tool takes for free.
unsafe impl GlobalAlloc for Stratalloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = global::allocate(layout.size(), layout.align());
        if !block.is_null() {
            allocated(block, layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is live, and was allocated with this layout. Whoever gets its memory next announces it later.
        unsafe {
            freed(block, global::usable_size(block));
            global::deallocate_sized(block, layout.size(), layout.align());
        }
    }
}

/// The bytes of a block in which the arenas note what other threads freed. It may have been the program's before.
const TAKEN_BY_THE_ARENAS: usize = 256;

/// heaptrack's functions, in processes that it is loaded into; null elsewhere. `Relaxed`: set before the program begins.
static HEAPTRACK_MALLOC: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static HEAPTRACK_FREE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

unsafe extern "C" {
    /// The C library's, by which what the process has loaded is found.
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

stratalloc_pages::at_start!({
    let find = |name: &CStr| {
        // SAFETY: the null handle stands for all that is loaded, and the name is a string of C.
        unsafe { dlsym(null_mut(), name.as_ptr()) }
    };
    HEAPTRACK_MALLOC.store(find(c"heaptrack_malloc"), Ordering::Relaxed);
    HEAPTRACK_FREE.store(find(c"heaptrack_free"), Ordering::Relaxed);
});

/// Announces a block of so many bytes, which was just allocated.
fn allocated(block: *mut u8, size: usize) {
    valgrind::allocated(block, size);
    let function = HEAPTRACK_MALLOC.load(Ordering::Relaxed);
    if !function.is_null() {
        // SAFETY: heaptrack's function takes a block and its size.
        unsafe {
            transmute::<*mut c_void, unsafe extern "C" fn(*mut u8, usize)>(function)(block, size);
        }
    }
}

/// Announces that a block is about to be freed, which has so many usable bytes.
fn freed(block: *mut u8, usable: usize) {
    let function = HEAPTRACK_FREE.load(Ordering::Relaxed);
    if !function.is_null() {
        // SAFETY: heaptrack's function takes a block.
        unsafe { transmute::<*mut c_void, unsafe extern "C" fn(*mut u8)>(function)(block) };
    }
    valgrind::freed(block);
    if usable == TAKEN_BY_THE_ARENAS {
        valgrind::may_be_written(block, usable);
    }
}

/// Requests to valgrind: instructions that do nothing, and that it knows.
#[cfg(target_arch = "x86_64")]
mod valgrind {
    use core::arch::asm;

    const MALLOC_LIKE: usize = 0x1301;
    const FREE_LIKE: usize = 0x1302;
    /// Of memcheck: the bytes may be written, and hold nothing.
    const MAKE_UNDEFINED: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16 | 1;

    pub(super) fn allocated(block: *mut u8, size: usize) {
        request([MALLOC_LIKE, block.addr(), size, 0, 0, 0]);
    }

    pub(super) fn freed(block: *mut u8) {
        request([FREE_LIKE, block.addr(), 0, 0, 0, 0]);
    }

    pub(super) fn may_be_written(start: *mut u8, size: usize) {
        request([MAKE_UNDEFINED, start.addr(), size, 0, 0, 0]);
    }

    fn request(words: [usize; 6]) {
        // SAFETY: a register is rotated once around, and another is swapped with itself. Under valgrind the request's words
        // are read, and the answer is a register that is given up.
        unsafe {
            asm!(
                "rol rdi, 3",
                "rol rdi, 13",
                "rol rdi, 61",
                "rol rdi, 51",
                "xchg rbx, rbx",
                in("rax") words.as_ptr(),
                inout("rdx") 0_usize => _,
                options(nostack),
            );
        }
    }
}

/// Elsewhere valgrind's requests are others.
#[cfg(not(target_arch = "x86_64"))]
mod valgrind {
    pub(super) fn allocated(_block: *mut u8, _size: usize) {}
    pub(super) fn freed(_block: *mut u8) {}
    pub(super) fn may_be_written(_start: *mut u8, _size: usize) {}
}
