//! The files that addresses of code lie in, by the mappings of the process.

use crate::sys::{maps, paged::PagedVec};

/// The mappings at one moment. Nothing waits, and nothing is allocated from a heap, so that a handler of signals may ask.
pub(crate) struct Modules {
    text: PagedVec<u8>,
}

/// A line of the mappings that has a file.
#[derive(Clone, Copy)]
struct Mapping<'a> {
    start: usize,
    end: usize,
    is_readable: bool,
    offset: usize,
    path: &'a str,
}

/// The type of an ELF file whose addresses are fixed, and where it stands in the file.
const FIXED: u16 = 2;
const TYPE_AT: usize = 16;

impl Modules {
    pub(crate) fn read() -> Self {
        Self { text: maps::read().unwrap_or(PagedVec::new()) }
    }

    /// The path of the file that an address lies in, and its address there, which `addr2line` takes. O(mappings).
    pub(crate) fn around(&self, address: usize) -> Option<(&str, usize)> {
        let mut first = None::<Mapping<'_>>;
        for line in self.text.split(|&byte| byte == b'\n') {
            let Some(mapping) = parse(line) else { continue };
            if mapping.offset == 0 && first.is_none_or(|first| first.path != mapping.path) {
                first = Some(mapping);
            }
            if (mapping.start..mapping.end).contains(&address) {
                let first = first.filter(|first| first.path == mapping.path)?;
                return Some((mapping.path, first.place_of(address)));
            }
        }
        None
    }
}

impl Mapping<'_> {
    /// The address in the file, whose first mapping this is.
    fn place_of(&self, address: usize) -> usize {
        if self.is_readable && self.is_fixed() { address } else { address - self.start }
    }

    fn is_fixed(&self) -> bool {
        let place = core::ptr::with_exposed_provenance::<u16>(self.start + TYPE_AT);
        // SAFETY: code of the file runs, or ran, so that its first page is mapped, readable, and the header of an ELF file.
        unsafe { place.read() == FIXED }
    }
}

/// A line `start-end rwxp offset device inode path` of a file.
fn parse(line: &[u8]) -> Option<Mapping<'_>> {
    let line = core::str::from_utf8(line).ok()?;
    let path = line.find('/').map(|at| &line[at..])?;
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let access = words.next()?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(Mapping {
        start: number(start)?,
        end: number(end)?,
        is_readable: access.starts_with('r'),
        offset: number(words.next()?)?,
        path,
    })
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn the_own_code_lies_in_the_own_file() {
        let modules = Modules::read();
        let own = (super::parse as *const ()).addr();
        let (path, place) = modules.around(own).unwrap();
        assert_eq!(std::path::Path::new(path), std::env::current_exe().unwrap());
        let other = (Modules::read as *const ()).addr();
        let (_, other_place) = modules.around(other).unwrap();
        assert_eq!(own.wrapping_sub(other), place.wrapping_sub(other_place));
        assert!(place < own, "tests are built to run at any address");
        assert_eq!(modules.around(8), None);
    }

    #[test]
    fn a_line_has_a_path_that_may_have_spaces() {
        let line = b"7f00a000-7f00b000 r-xp 00002000 08:01 42     /tmp/a b.so";
        let mapping = parse(line).unwrap();
        assert_eq!(
            (mapping.start, mapping.end, mapping.offset),
            (0x7f00_a000, 0x7f00_b000, 0x2000)
        );
        assert_eq!((mapping.path, mapping.is_readable), ("/tmp/a b.so", true));
        assert!(parse(b"7ffc0000-7ffc1000 rw-p 00000000 00:00 0     [stack]").is_none());
        assert!(parse(b"").is_none());
    }
}
