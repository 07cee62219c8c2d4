//! The mappings of the process, as text: `/proc/self/maps`.

use core::fmt::{self, Write};

use crate::sys::{file::File, paged::PagedVec};

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
    let mut file = File::open(c"/proc/self/maps")?;
    let mut text = PagedVec::new();
    let mut piece = [0_u8; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Some(text),
            count if text.extend(&piece[..count.min(PIECE)]) => {}
            _ => return None,
        }
    }
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
