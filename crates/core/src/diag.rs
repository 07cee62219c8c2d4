//! The last words of an allocator: a report that allocates nothing, then the end of the process.
//!
//! Corruption (a double free, a foreign pointer, a broken header) is never an `Err`: a caller that could
//! handle it runs on the memory that is corrupt. [`fatal`] formats one line into a buffer on the
//! stack, hands it to the *sink*, and ends the process by the *abort* hook.
//!
//! The layer that knows the platform sets both; a hosted one sets a raw write to standard error
//! and the system's abort. Without them a report goes nowhere and the process ends in the
//! processor's trap. `panic!` serves neither purpose: its hook takes locks and allocates, and it would
//! unwind through allocators, which are in the middle of a change.

use core::{
    fmt::{self, Write},
    ptr,
    // Plain atomics, for loom's can't stand in statics; nothing here orders other memory.
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed},
};

/// Takes one line, its newline included. It should neither allocate nor call [`fatal`]; where it panics, the
/// process ends in the trap.
pub type Sink = fn(&[u8]);

/// Ends the process. It should neither allocate nor call [`fatal`].
pub type Abort = fn() -> !;

/// The longest line in bytes; a longer one is cut and ends in `...`.
pub const MAX_LINE: usize = 512;

/// The sink as an untyped pointer, or null. Stored by `set_sink`, loaded by `report`. Relaxed: the
/// code it points to is there from the start.
static SINK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// The abort hook as an untyped pointer, or null. Stored by `set_abort`, loaded by `abort`. Relaxed
/// as [`SINK`] is.
static ABORT: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Reports begun; its only partner is itself. See [`MAX_REPORTS`].
static REPORTS: AtomicUsize = AtomicUsize::new(0);

/// Reports that are let through, in case several threads fail at once. A sink that fails in turn
/// comes back here, and must find an end.
const MAX_REPORTS: usize = 4;

/// Sets where reports go; the last one set counts.
///
/// ```
/// fn to_stderr(line: &[u8]) {
///     use std::io::Write;
///     // A real sink makes the system call itself: `std`'s may wait for a lock.
///     let _ = std::io::stderr().write(line);
/// }
/// stratalloc_core::diag::set_sink(to_stderr);
/// ```
pub fn set_sink(sink: Sink) {
    SINK.store(sink as *mut (), Relaxed);
}

/// Sets how the process ends; the last one set counts.
///
/// # Safety
///
/// The hook doesn't unwind through an allocator whose caller isn't ready for it: no caller of a global
/// allocator is.
///
/// ```
/// // SAFETY: it doesn't unwind.
/// unsafe { stratalloc_core::diag::set_abort(|| std::process::abort()) };
/// ```
pub unsafe fn set_abort(abort: Abort) {
    ABORT.store(abort as *mut (), Relaxed);
}

/// Reports one line of at most [`MAX_LINE`] bytes, prefixed by `stratalloc: `, and ends the process.
///
/// ```should_panic
/// # // SAFETY: no allocator is below.
/// # unsafe { stratalloc_core::diag::set_abort(|| panic!("so that the example can end")) };
/// let block = core::ptr::without_provenance::<u8>(0x1000);
/// stratalloc_core::diag::fatal(format_args!("double free of {block:p}"));
/// ```
#[cold]
#[inline(never)]
pub fn fatal(message: fmt::Arguments<'_>) -> ! {
    // Load and store, for small processors have no more. Threads that meet here may count as one.
    let reports = REPORTS.load(Relaxed);
    REPORTS.store(reports.saturating_add(1), Relaxed);
    if reports < MAX_REPORTS {
        report(message);
    }
    abort()
}

/// Reports one line of at most [`MAX_LINE`] bytes, prefixed by `stratalloc: `, and goes on: for a report of several lines, whose
/// caller ends the process.
///
/// ```
/// # fn to_nowhere(_line: &[u8]) {}
/// # stratalloc_core::diag::set_sink(to_nowhere);
/// stratalloc_core::diag::line(format_args!("  allocated by thread {}", 42));
/// ```
#[cold]
#[inline(never)]
pub fn line(message: fmt::Arguments<'_>) {
    report(message);
}

fn report(message: fmt::Arguments<'_>) {
    let sink = SINK.load(Relaxed);
    if sink.is_null() {
        return;
    }
    // SAFETY: a pointer that isn't null was stored by `set_sink`, from a function of this type.
    let sink = unsafe { core::mem::transmute::<*mut (), Sink>(sink) };
    let unwinding = TrapOnDrop;
    sink(Line::format(message).bytes());
    core::mem::forget(unwinding);
}

/// Ends the process when it is dropped, which only unwinding does: a caller of [`fatal`] is no place to
/// unwind through.
struct TrapOnDrop;

impl Drop for TrapOnDrop {
    fn drop(&mut self) {
        trap();
    }
}

fn abort() -> ! {
    let hook = ABORT.load(Relaxed);
    if hook.is_null() {
        trap();
    }
    // SAFETY: a pointer that isn't null was stored by `set_abort`, from a function of this type.
    let hook = unsafe { core::mem::transmute::<*mut (), Abort>(hook) };
    hook()
}

/// Stops the processor at an instruction that is defined to be undefined, or where we know of none,
/// for ever in place. (`core::intrinsics::abort` is not stable.)
fn trap() -> ! {
    #[cfg(not(miri))]
    {
        #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
        // SAFETY: it raises the invalid-opcode exception and touches nothing; it never falls through.
        unsafe {
            core::arch::asm!("ud2", options(noreturn, nomem, nostack))
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: it raises a debug exception and touches nothing; it never falls through.
        unsafe {
            core::arch::asm!("brk #1", options(noreturn, nomem, nostack))
        }
        #[cfg(target_arch = "arm")]
        // SAFETY: it raises the undefined-instruction exception and touches nothing.
        unsafe {
            core::arch::asm!("udf #0", options(noreturn, nomem, nostack))
        }
        #[cfg(any(target_arch = "riscv32", target_arch = "riscv64"))]
        // SAFETY: it raises the illegal-instruction exception and touches nothing.
        unsafe {
            core::arch::asm!("unimp", options(noreturn, nomem, nostack))
        }
    }
    #[allow(unreachable_code, reason = "reached where none of the above is compiled")]
    loop {
        core::hint::spin_loop();
    }
}

/// A line being formatted: `len <= MAX_LINE`, and one byte is always left for the newline.
struct Line {
    buffer: [u8; MAX_LINE],
    len: usize,
}

impl Line {
    const ROOM: usize = MAX_LINE - 1;
    const CUT: &[u8] = b"...";

    fn format(message: fmt::Arguments<'_>) -> Self {
        let mut line = Self { buffer: [0; MAX_LINE], len: 0 };
        if write!(line, "stratalloc: {message}").is_err() {
            line.buffer[Self::ROOM - Self::CUT.len()..Self::ROOM].copy_from_slice(Self::CUT);
            line.len = Self::ROOM;
        }
        line.buffer[line.len] = b'\n';
        line.len += 1;
        line
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

impl Write for Line {
    /// Takes what fits; an error says that something didn't.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = text.len().min(Self::ROOM - self.len);
        self.buffer[self.len..self.len + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.len += taken;
        if taken < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
