//! A new file in memory, which other processes can read.

use core::{
    ffi::{CStr, c_int},
    ptr::{NonNull, null_mut},
};

use stratalloc_core::ProviderError;

/// Makes a file of `size` zero bytes, which only the program's user can read, and maps it. What the file has room for is
/// taken from the disk at once: a disk that is full later would end the program as it writes.
///
/// # Errors
///
/// If there is a file of this name, or the system refuses; then there is none.
pub(crate) fn create(path: &CStr, size: usize) -> Result<NonNull<u8>, ProviderError> {
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: the path is a string of C.
    let file = unsafe { libc::open(path.as_ptr(), flags, 0o600) };
    if file < 0 {
        return Err(last_error());
    }
    let mapped = map(file, size);
    // SAFETY: it was just opened, and isn't used any more; the path is a string of C.
    unsafe {
        libc::close(file);
        if mapped.is_err() {
            libc::unlink(path.as_ptr());
        }
    }
    mapped
}

fn map(file: c_int, size: usize) -> Result<NonNull<u8>, ProviderError> {
    let length = libc::off_t::try_from(size).unwrap_or(libc::off_t::MAX);
    // SAFETY: the file is open.
    let errno = unsafe { libc::posix_fallocate(file, 0, length) };
    if errno != 0 {
        return Err(ProviderError::System { errno });
    }
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: somewhere, over nothing.
    let start = unsafe { libc::mmap(null_mut(), size, access, libc::MAP_SHARED, file, 0) };
    if start == libc::MAP_FAILED {
        return Err(last_error());
    }
    NonNull::new(start.cast()).ok_or(ProviderError::System { errno: libc::EINVAL })
}

fn last_error() -> ProviderError {
    // SAFETY: the C library has an error number for each thread.
    ProviderError::System { errno: unsafe { *libc::__errno_location() } }
}
