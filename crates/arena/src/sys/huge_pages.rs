//! Whether the system gives huge pages unasked, as it is when the program is loaded.
//!
//! Later, a sandbox may end the process for asking.

use core::sync::atomic::{AtomicBool, Ordering};

#[cfg(all(target_os = "linux", not(any(loom, miri))))]
use crate::sys::file::File;

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
    let mut first = [0];
    let file = File::open(c"/sys/kernel/mm/transparent_hugepage/enabled");
    file.is_some_and(|mut file| file.read(&mut first) == Some(1)) && first == *b"["
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
