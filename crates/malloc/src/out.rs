//! Writing text, without the C library's streams and without memory.

use core::{
    ffi::{CStr, c_char, c_int, c_void},
    fmt::{self, Write},
};

/// A destination of text.
pub(crate) trait Sink {
    /// Takes some of the bytes; returns how many. Zero: it takes none any more.
    fn take(&mut self, bytes: &[u8]) -> usize;
}

/// A file descriptor.
pub(crate) struct Descriptor(c_int);

impl Descriptor {
    pub(crate) const fn stderr() -> Self {
        Self(libc::STDERR_FILENO)
    }

    /// Creates a file for writing, or empties the one that is there; `None` if that fails.
    pub(crate) fn create(path: &CStr) -> Option<Self> {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC | libc::O_CLOEXEC;
        // SAFETY: the path is a string of C.
        let descriptor = unsafe { libc::open(path.as_ptr(), flags, 0o644) };
        (descriptor >= 0).then_some(Self(descriptor))
    }

    pub(crate) fn close(self) {
        // SAFETY: this is the last use of the descriptor.
        unsafe { libc::close(self.0) };
    }
}

impl Sink for Descriptor {
    /// By number, since the C library's `write` is a point at which threads are cancelled.
    fn take(&mut self, bytes: &[u8]) -> usize {
        // SAFETY: the bytes are readable.
        let written =
            unsafe { libc::syscall(libc::SYS_write, self.0, bytes.as_ptr(), bytes.len()) };
        usize::try_from(written).unwrap_or(0)
    }
}

/// A stream of a caller's.
///
/// # Invariants
///
/// - [STREAM-1: open] It is open for writing.
pub(crate) struct Stream(*mut c_void);

impl Stream {
    /// # Safety
    ///
    /// `stream` is open for writing, and stays so for as long as this is used.
    pub(crate) unsafe fn new(stream: *mut c_void) -> Self {
        Self(stream)
    }
}

impl Sink for Stream {
    fn take(&mut self, bytes: &[u8]) -> usize {
        // SAFETY: the bytes are readable, and [STREAM-1: open] the stream is open for writing.
        unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), self.0.cast()) }
    }
}

/// A caller's buffer, which gets as much of a text as fits.
///
/// # Invariants
///
/// - [BUFFER-1: room] `left` bytes can be written at `next`. Once there was room at all, one byte is left for the null.
pub(crate) struct Buffer {
    next: *mut c_char,
    /// Bytes that are left, the null at the end among them.
    left: usize,
    /// Bytes of the whole text.
    len: usize,
}

impl Buffer {
    /// # Safety
    ///
    /// `size` bytes can be written at `text`, for as long as this is used.
    pub(crate) unsafe fn new(text: *mut c_char, size: usize) -> Self {
        Self { next: text, left: size, len: 0 }
    }

    /// Ends the text with a null, if there is room for it; returns the bytes of the whole text, without the null.
    pub(crate) fn end(self) -> usize {
        if self.left > 0 {
            // SAFETY: [BUFFER-1: room] a byte can be written there.
            unsafe { self.next.write(0) };
        }
        self.len
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fitting = text.len().min(self.left.saturating_sub(1));
        self.len += text.len();
        // There may be no buffer at all.
        if fitting == 0 {
            return Ok(());
        }
        // SAFETY: [BUFFER-1: room] more bytes than these can be written there.
        unsafe {
            self.next.copy_from_nonoverlapping(text.as_ptr().cast(), fitting);
            self.next = self.next.add(fitting);
        }
        self.left -= fitting;
        Ok(())
    }
}

/// A buffer of text, which is written in pieces that are worth a call.
pub(crate) struct Out<'a, S: Sink> {
    sink: &'a mut S,
    buffer: [u8; 1024],
    len: usize,
}

impl<'a, S: Sink> Out<'a, S> {
    pub(crate) const fn new(sink: &'a mut S) -> Self {
        Self { sink, buffer: [0; 1024], len: 0 }
    }

    /// Writes the rest of the buffer.
    pub(crate) fn flush(&mut self) -> fmt::Result {
        let mut rest = &self.buffer[..self.len];
        while !rest.is_empty() {
            match self.sink.take(rest) {
                0 => return Err(fmt::Error),
                taken => rest = &rest[taken..],
            }
        }
        self.len = 0;
        Ok(())
    }
}

impl<S: Sink> Write for Out<'_, S> {
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

/// Sends all text that `write` writes, or returns an error.
pub(crate) fn send<S: Sink>(
    sink: &mut S,
    write: impl FnOnce(&mut Out<'_, S>) -> fmt::Result,
) -> fmt::Result {
    let mut out = Out::new(sink);
    write(&mut out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time, and no more than it has room for.
    struct Slow {
        taken: Vec<u8>,
        room: usize,
    }

    impl Sink for Slow {
        fn take(&mut self, bytes: &[u8]) -> usize {
            let now = bytes.len().min(7).min(self.room - self.taken.len());
            self.taken.extend_from_slice(&bytes[..now]);
            now
        }
    }

    #[test]
    fn all_of_it_arrives_or_that_it_does_not_is_told() {
        let text = "0123456789".repeat(500);
        for (room, fits) in [(usize::MAX, true), (5000, true), (4999, false), (0, false)] {
            let mut sink = Slow { taken: Vec::new(), room };
            let result = send(&mut sink, |out| {
                out.write_str(&text[..3])?;
                out.write_str(&text[3..])
            });
            assert_eq!(result.is_ok(), fits, "room for {room}");
            assert_eq!(sink.taken, text.as_bytes()[..room.min(5000)]);
        }
    }

    #[test]
    fn a_buffer_has_what_fits_and_the_length_of_all() {
        for size in 0..=12 {
            let mut bytes = [b'-'; 12];
            // SAFETY: so many bytes are there.
            let mut buffer = unsafe { Buffer::new(bytes.as_mut_ptr().cast(), size) };
            buffer.write_str("0123").unwrap();
            buffer.write_str("456789").unwrap();
            assert_eq!(buffer.end(), 10);
            let kept = size.saturating_sub(1).min(10);
            assert_eq!(bytes[..kept], b"0123456789"[..kept]);
            assert!(size == 0 || bytes[kept] == 0, "{size}");
            assert!(bytes[size.min(11)..].iter().all(|&byte| byte == b'-'), "{size}");
        }
    }
}
