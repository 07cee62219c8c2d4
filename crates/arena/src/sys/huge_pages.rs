//! Whether the system gives huge pages unasked, as it is when the program is loaded.
//!
//! Later, a sandbox may end the process for asking.

use core::sync::atomic::{AtomicBool, Ordering};

/// Whether it does. Written before there are threads. `Relaxed`: a hint.
static UNASKED: AtomicBool = AtomicBool::new(false);

#[cfg(all(target_os = "linux", not(any(loom, miri))))]
stratalloc_pages::at_start!({ UNASKED.store(is_always(), Ordering::Relaxed) });

/// Whether huge pages come without being asked for.
pub(crate) fn huge_pages_come_unasked() -> bool {
    UNASKED.load(Ordering::Relaxed)
}

/// Whether the first of the system's three choices is the one in brackets: `[always] madvise never`.
#[cfg(all(target_os = "linux", not(any(loom, miri))))]
fn is_always() -> bool {
    let path = c"/sys/kernel/mm/transparent_hugepage/enabled".as_ptr();
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let mut first = 0_u8;
    // SAFETY: the path is a string, and one byte is read into `first`. By number, since the C library's calls are points at which
    // threads are cancelled.
    unsafe {
        let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags);
        if file < 0 {
            return false;
        }
        libc::syscall(libc::SYS_read, file, &raw mut first, 1_usize);
        libc::syscall(libc::SYS_close, file);
    }
    first == b'['
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_choice_is_the_systems() {
        let path = "/sys/kernel/mm/transparent_hugepage/enabled";
        let choice = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(super::huge_pages_come_unasked(), choice.contains("[always]"));
    }
}
