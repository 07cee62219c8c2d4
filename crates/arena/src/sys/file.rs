//! A file that is read.

use core::ffi::{CStr, c_long};

/// An open file. Its calls are made by number, since the C library's are points at which threads are cancelled.
pub(super) struct File(c_long);

impl File {
    /// Opens a file for reading; `None` if the system refuses.
    pub(super) fn open(path: &CStr) -> Option<Self> {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC;
        // SAFETY: the path is a string.
        let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags) };
        (file >= 0).then_some(Self(file))
    }

    /// Reads its next bytes; returns how many, zero at its end, and `None` if the system refuses.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Option<usize> {
        // SAFETY: there is room for so many bytes.
        let read =
            unsafe { libc::syscall(libc::SYS_read, self.0, bytes.as_mut_ptr(), bytes.len()) };
        usize::try_from(read).ok()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: it was opened here.
        unsafe { libc::syscall(libc::SYS_close, self.0) };
    }
}
