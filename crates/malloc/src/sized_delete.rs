//! The sized forms of C++'s `operator delete`, in the hardened build: the size is compared with the block's.
//!
//! Those of the C++ library leave the size aside and call the plain form. A program may replace that, or a form of
//! `operator new`; then only its own functions know what a block is, and the plain form is called here too.
//! Who has which form is asked once, before the program begins: a look-up later might wait for the dynamic linker.

use core::{
    arch::global_asm,
    ffi::c_void,
    ptr::null_mut,
    sync::atomic::{AtomicBool, Ordering},
};

use stratalloc_arena::global;

use crate::aligned::MIN_ALIGN;

// Where the process has the C++ library's functions: null, if it has none as it starts.
global_asm!(
    ".section .data.rel.ro.stratalloc_cxx,\"aw\",@progbits",
    ".p2align 3",
    ".globl stratalloc_cxx",
    ".hidden stratalloc_cxx",
    ".type stratalloc_cxx,@object",
    ".size stratalloc_cxx,{size}",
    "stratalloc_cxx:",
    ".irp form, _ZSt15set_new_handlerPFvvE, _Znwm, _Znam, _ZnwmRKSt9nothrow_t, _ZnamRKSt9nothrow_t, \
     _ZnwmSt11align_val_t, _ZnamSt11align_val_t, _ZnwmSt11align_val_tRKSt9nothrow_t, \
     _ZnamSt11align_val_tRKSt9nothrow_t, _ZdlPv, _ZdaPv, _ZdlPvSt11align_val_t, \
     _ZdaPvSt11align_val_t",
    ".weak \\form",
    ".quad \\form",
    ".endr",
    ".quad free",
    ".text",
    size = const size_of::<Functions>(),
);

unsafe extern "C" {
    static stratalloc_cxx: Functions;
}

type Delete = unsafe extern "C" fn(*mut u8);
type DeleteAligned = unsafe extern "C" fn(*mut u8, usize);

/// The functions that blocks of `new` come from and go to, as the dynamic linker found them.
#[repr(C)]
struct Functions {
    /// A function that no program replaces: its library is the C++ library.
    set_new_handler: *const c_void,
    new: [*const c_void; 8],
    delete: Option<Delete>,
    delete_array: Option<Delete>,
    delete_aligned: Option<DeleteAligned>,
    delete_array_aligned: Option<DeleteAligned>,
    free: Delete,
}

const FUNCTIONS: usize = size_of::<Functions>() / size_of::<*const c_void>();

/// Whether sizes are compared. Set once, before the program begins; `Relaxed`: until it is seen, sizes are left aside.
static COMPARED: AtomicBool = AtomicBool::new(false);

stratalloc_pages::at_start!({
    // SAFETY: a table of addresses, which the dynamic linker filled before any code ran.
    COMPARED.store(unsafe { &stratalloc_cxx }.are_the_librarys(), Ordering::Relaxed);
});

impl Functions {
    /// Whether each form of `new` and plain `delete` is the C++ library's, and `free` is ours.
    fn are_the_librarys(&self) -> bool {
        // SAFETY: the struct is so many addresses, one after another.
        let all: &[*const c_void; FUNCTIONS] = unsafe { &*core::ptr::from_ref(self).cast() };
        let [set_new_handler, forms @ .., free] = all;
        let library = object_of(*set_new_handler);
        library.is_some()
            && forms.iter().all(|&form| object_of(form) == library)
            && object_of(*free) == object_of(core::ptr::from_ref(self).cast())
    }
}

/// The start of the program or library that an address lies in.
fn object_of(address: *const c_void) -> Option<usize> {
    let mut found = libc::Dl_info {
        dli_fname: null_mut(),
        dli_fbase: null_mut(),
        dli_sname: null_mut(),
        dli_saddr: null_mut(),
    };
    // SAFETY: it may be asked of any address, and can write what it found.
    let is_known = unsafe { libc::dladdr(address, &raw mut found) } != 0;
    is_known.then(|| found.dli_fbase.addr())
}

/// Deletes a block of `size` bytes: compared, or by the plain form.
unsafe fn delete_with(block: *mut u8, size: usize, plain: impl Fn(&Functions) -> Option<Delete>) {
    // SAFETY: the table is filled; the block is null, or live and to be deleted by this form, by the callers' contract.
    unsafe {
        match plain(&stratalloc_cxx) {
            // The C++ library asks for a byte where none is asked of it.
            _ if COMPARED.load(Ordering::Relaxed) => {
                global::deallocate_c_sized(block, size.max(1), MIN_ALIGN);
            }
            Some(plain) => plain(block),
            None => (stratalloc_cxx.free)(block),
        }
    }
}

/// The same for a block with an alignment of its own.
unsafe fn delete_aligned_with(
    block: *mut u8,
    size: usize,
    align: usize,
    plain: impl Fn(&Functions) -> Option<DeleteAligned>,
) {
    // SAFETY: as in `delete_with`.
    unsafe {
        match plain(&stratalloc_cxx) {
            _ if COMPARED.load(Ordering::Relaxed) => {
                let size = asked_for(block, size, align);
                global::deallocate_c_sized(block, size, align.max(MIN_ALIGN));
            }
            Some(plain) => plain(block, align),
            None => (stratalloc_cxx.free)(block),
        }
    }
}

/// The bytes that the C++ library asked for, to have `size` at an alignment: some round up to a multiple of that, which is
/// meant if the block has so many.
unsafe fn asked_for(block: *mut u8, size: usize, align: usize) -> usize {
    let rounded = size.max(1).checked_next_multiple_of(align.max(1)).unwrap_or(size);
    // SAFETY: the block is null or live, by the callers' contract.
    if unsafe { global::usable_size(block) } == rounded { rounded } else { size.max(1) }
}

/// `operator delete(void *, size_t)`.
///
/// # Safety
///
/// `block` is null, or live and of `operator new`.
#[unsafe(export_name = "_ZdlPvm")]
pub(crate) unsafe extern "C" fn delete_sized(block: *mut u8, size: usize) {
    // SAFETY: this function's contract is the same.
    unsafe { delete_with(block, size, |forms| forms.delete) }
}

/// `operator delete[](void *, size_t)`.
///
/// # Safety
///
/// `block` is null, or live and of `operator new[]`.
#[unsafe(export_name = "_ZdaPvm")]
pub(crate) unsafe extern "C" fn delete_array_sized(block: *mut u8, size: usize) {
    // SAFETY: this function's contract is the same.
    unsafe { delete_with(block, size, |forms| forms.delete_array) }
}

/// `operator delete(void *, size_t, std::align_val_t)`.
///
/// # Safety
///
/// `block` is null, or live and of `operator new` with an alignment.
#[unsafe(export_name = "_ZdlPvmSt11align_val_t")]
pub(crate) unsafe extern "C" fn delete_sized_aligned(block: *mut u8, size: usize, align: usize) {
    // SAFETY: this function's contract is the same.
    unsafe { delete_aligned_with(block, size, align, |forms| forms.delete_aligned) }
}

/// `operator delete[](void *, size_t, std::align_val_t)`.
///
/// # Safety
///
/// `block` is null, or live and of `operator new[]` with an alignment.
#[unsafe(export_name = "_ZdaPvmSt11align_val_t")]
pub(crate) unsafe extern "C" fn delete_array_sized_aligned(
    block: *mut u8,
    size: usize,
    align: usize,
) {
    // SAFETY: this function's contract is the same.
    unsafe { delete_aligned_with(block, size, align, |forms| forms.delete_array_aligned) }
}
