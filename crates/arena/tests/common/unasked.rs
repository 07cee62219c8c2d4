//! Whether the system gives huge pages to everybody.

/// Whether huge pages come without being asked for.
pub(crate) fn come_unasked() -> bool {
    let choice = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    choice.is_ok_and(|choice| choice.contains("[always]"))
}
