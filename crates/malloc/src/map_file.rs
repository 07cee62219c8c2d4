//! The heap map in a file, as the process ends: `STRATALLOC_MAP=path`.

use core::{ffi::CStr, fmt};

use crate::settings;

/// Writes the map, if it is asked for. A file that can't be written is left.
pub(crate) fn write() {
    let Some(path) = settings::value(c"STRATALLOC_MAP") else { return };
    // SAFETY: the value of a variable ends with a null.
    let path = unsafe { CStr::from_ptr(path.as_ptr().cast()) };
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC;
    // SAFETY: the path is a string.
    let descriptor = unsafe { libc::open(path.as_ptr(), flags, 0o644) };
    if descriptor < 0 {
        return;
    }
    let mut file = File { descriptor, buffer: [0; 4096], len: 0 };
    if stratalloc_arena::map(&mut file).is_ok() {
        let _ = file.flush();
    }
    // SAFETY: the descriptor is this function's.
    unsafe { libc::close(descriptor) };
}

/// A file, written in pieces of a page.
struct File {
    descriptor: libc::c_int,
    buffer: [u8; 4096],
    len: usize,
}

impl File {
    fn flush(&mut self) -> fmt::Result {
        let mut rest = &self.buffer[..self.len];
        while !rest.is_empty() {
            // SAFETY: the bytes are readable.
            let written = unsafe { libc::write(self.descriptor, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(written) if written > 0 => rest = &rest[written..],
                _ => return Err(fmt::Error),
            }
        }
        self.len = 0;
        Ok(())
    }
}

impl fmt::Write for File {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut text = text.as_bytes();
        while !text.is_empty() {
            if self.len == self.buffer.len() {
                self.flush()?;
            }
            let (now, later) = text.split_at(text.len().min(self.buffer.len() - self.len));
            self.buffer[self.len..self.len + now.len()].copy_from_slice(now);
            self.len += now.len();
            text = later;
        }
        Ok(())
    }
}
