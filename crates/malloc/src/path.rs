//! Paths of files that the library writes, in which the number of the process may stand.

use core::{
    ffi::CStr,
    fmt::{self, Write},
};

/// The most bytes of a path, as the system has it.
pub(crate) const PATH_MAX: usize = 4096;

/// The number of this process.
pub(crate) fn process() -> u32 {
    // SAFETY: `getpid` has no preconditions.
    unsafe { libc::getpid() }.unsigned_abs()
}

/// A path as a string of C, in place.
pub(crate) struct Path {
    bytes: [u8; PATH_MAX],
    len: usize,
}

impl Path {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; PATH_MAX], len: 0 }
    }

    /// Appends a path, with the number of the process for each `%p`. A child's number is added at the end if there is no
    /// `%p`.
    pub(crate) fn expand(&mut self, path: &[u8], is_child: bool) -> fmt::Result {
        let mut rest = path;
        let mut numbered = false;
        while let Some(at) = rest.windows(2).position(|pair| pair == b"%p") {
            self.push(&rest[..at])?;
            write!(self, "{}", process())?;
            (rest, numbered) = (&rest[at + 2..], true);
        }
        self.push(rest)?;
        if is_child && !numbered { write!(self, ".{}", process()) } else { Ok(()) }
    }

    /// Appends bytes. The last byte stays zero.
    fn push(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.len + bytes.len();
        if end >= PATH_MAX {
            return Err(fmt::Error);
        }
        self.bytes[self.len..end].copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl Write for Path {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_process_stands_where_it_is_asked_for() {
        let expanded = |path: &str, is_child| {
            let mut expanded = Path::new();
            expanded.expand(path.as_bytes(), is_child).unwrap();
            expanded.as_c_str().to_str().unwrap().to_owned()
        };
        let own = std::process::id();
        assert_eq!(expanded("heap", false), "heap");
        assert_eq!(expanded("heap", true), format!("heap.{own}"));
        assert_eq!(expanded("a%p.b%p", true), format!("a{own}.b{own}"));
    }
}
