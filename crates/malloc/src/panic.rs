//! The panic handler for builds without the standard library; no code of ours should ever panic.

/// Ends the process without a word, since words might take memory.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: `abort` has no preconditions.
    unsafe { libc::abort() }
}
