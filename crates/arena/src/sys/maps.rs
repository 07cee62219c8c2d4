//! The mappings of the process, as text: `/proc/self/maps`.

use core::fmt::{self, Write};

use crate::sys::paged::PagedVec;

/// Bytes that are read at once.
const PIECE: usize = 4096;

/// Writes all of it, one mapping a line; nothing where it can't be read. Bytes that are no text become U+FFFD.
pub(crate) fn write(out: &mut impl Write) -> fmt::Result {
    let text = read().unwrap_or(PagedVec::new());
    for chunk in text.utf8_chunks() {
        out.write_str(chunk.valid())?;
        if !chunk.invalid().is_empty() {
            out.write_char(char::REPLACEMENT_CHARACTER)?;
        }
    }
    Ok(())
}

/// All of the text, since a piece may end in the middle of a letter.
pub(super) fn read() -> Option<PagedVec<u8>> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: the path is a string. By number, since the C library's `open` is a point at which threads are
    // cancelled.
    let file = unsafe {
        libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/proc/self/maps".as_ptr(), flags)
    };
    if file < 0 {
        return None;
    }
    let mut text = PagedVec::new();
    let mut piece = [0_u8; PIECE];
    let whole = loop {
        // SAFETY: the buffer has room for so many bytes.
        let read = unsafe { libc::syscall(libc::SYS_read, file, piece.as_mut_ptr(), PIECE) };
        match usize::try_from(read) {
            Ok(0) => break true,
            Ok(count) if text.extend(&piece[..count.min(PIECE)]) => {}
            _ => break false,
        }
    };
    // SAFETY: it was opened here.
    unsafe { libc::syscall(libc::SYS_close, file) };
    whole.then_some(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_own_code_is_mapped() {
        let mut text = std::string::String::new();
        super::write(&mut text).unwrap();
        let own = (super::read as *const ()).addr();
        let has_it = text.lines().any(|line| {
            let bounds = line.split(' ').next().and_then(|bounds| bounds.split_once('-'));
            let [start, end] = <[&str; 2]>::from(bounds.unwrap())
                .map(|bound| usize::from_str_radix(bound, 16).unwrap());
            (start..end).contains(&own)
        });
        assert!(has_it, "{text}");
    }
}
