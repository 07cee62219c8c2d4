//! What a panic does where there is no standard library: nothing of ours should ever panic.

/// Ends the process without a word, since words might take memory.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the call has no preconditions.
    unsafe { libc::abort() }
}
