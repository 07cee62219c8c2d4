//! Forked children that must come to an end.

/// What became of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It found what it should.
    Right,
    /// It didn't.
    Wrong,
    /// It was ended by this signal; by `SIGALRM` if it hung.
    Killed(i32),
}

/// Forks, and has the child do something that returns whether all is well, in so many seconds at most.
pub(crate) fn fork_and_wait(seconds: u32, act: impl FnOnce() -> bool) -> Outcome {
    // SAFETY: the child is one of the tests' own, and ends here.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no process to be had");
    if child == 0 {
        // SAFETY: no preconditions.
        unsafe { libc::alarm(seconds) };
        // What a test prints is kept by the harness, in the parent.
        std::panic::set_hook(Box::new(|info| {
            let words = format!("in a child: {info}\n");
            // SAFETY: the words are readable.
            unsafe { libc::write(2, words.as_ptr().cast(), words.len()) };
        }));
        let right = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_or(false);
        // SAFETY: no preconditions.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    let mut status = 0;
    // SAFETY: the status is written to.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    match status {
        0 => Outcome::Right,
        _ if libc::WIFSIGNALED(status) => Outcome::Killed(libc::WTERMSIG(status)),
        _ => Outcome::Wrong,
    }
}
