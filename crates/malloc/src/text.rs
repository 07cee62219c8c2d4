//! Reports in words: `malloc_stats` and `malloc_info`.

use core::{
    ffi::{c_int, c_void},
    fmt::{self, Write},
};

use stratalloc_arena::global;

use crate::errno::{EINVAL, set};

/// `malloc_stats`: some lines to standard error, by a plain `write`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn malloc_stats() {
    let stats = global::stats();
    let mut text = Text::new();
    let _ = writeln!(text, "stratalloc {}", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "touched bytes    = {:>12}", stats.touched);
    let _ = writeln!(text, "in use bytes     = {:>12}", stats.in_use);
    let _ = writeln!(text, "vacant bytes     = {:>12}", stats.vacant);
    let _ = writeln!(text, "huge bytes       = {:>12}", stats.huge);
    let _ = writeln!(text, "huge blocks      = {:>12}", stats.huge_blocks);
    let _ = writeln!(text, "areas            = {:>12}", stats.areas);
    text.print();
}

/// `malloc_info`: the same as XML to a stream of the caller's; 0, or -1 with `errno`. `options` must
/// be 0.
///
/// # Safety
///
/// `stream` is an open stream for writing.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn malloc_info(options: c_int, stream: *mut c_void) -> c_int {
    if options != 0 {
        set(EINVAL);
        return -1;
    }
    let stats = global::stats();
    let mut text = Text::new();
    let _ = writeln!(text, "<malloc version=\"stratalloc-{}\">", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "<system type=\"current\" size=\"{}\"/>", stats.touched + stats.huge);
    let _ = writeln!(text, "<in_use size=\"{}\"/>", stats.in_use);
    let _ = writeln!(text, "<vacant size=\"{}\"/>", stats.vacant);
    let (count, size) = (stats.huge_blocks, stats.huge);
    let _ = writeln!(text, "<total type=\"mmap\" count=\"{count}\" size=\"{size}\"/>");
    let _ = writeln!(text, "<areas count=\"{}\"/>\n</malloc>", stats.areas);
    let bytes = text.bytes();
    // SAFETY: the bytes are readable, and the stream is the caller's promise.
    let written = unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), stream.cast()) };
    if written == bytes.len() { 0 } else { -1 }
}

/// A buffer for the longest report: what doesn't fit is cut.
pub(crate) struct Text {
    buffer: [u8; 512],
    len: usize,
}

impl Text {
    pub(crate) const fn new() -> Self {
        Self { buffer: [0; 512], len: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Writes it to standard error, by a plain `write`: the C library's is a point at which threads are
    /// cancelled.
    pub(crate) fn print(&self) {
        let bytes = self.bytes();
        // SAFETY: the bytes are readable. Nothing can be done if standard error takes nothing.
        let _ = unsafe {
            libc::syscall(libc::SYS_write, libc::STDERR_FILENO, bytes.as_ptr(), bytes.len())
        };
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = text.len().min(self.buffer.len() - self.len);
        self.buffer[self.len..self.len + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.len += taken;
        Ok(())
    }
}
