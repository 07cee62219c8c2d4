//! Reports over fenced blocks: what was wrong, of which block, and which calls allocated and freed that.
//!
//! A handler of signals may write one: nothing here allocates from a heap, or waits for a lock.

use core::{
    fmt::{self, Display, Formatter},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    books::{
        fenced::{
            SLOTS, book as book_of,
            book::{Book, Trace},
            place::Place,
            slots::State,
        },
        report,
    },
    sys::{self, modules::Modules},
};

/// Whether a report is being written. Another thread that comes to one meanwhile waits for the process's end: no one would
/// read two that are mixed.
static REPORTING: AtomicBool = AtomicBool::new(false);
/// How long it waits at most, in seconds.
const PATIENCE: u32 = 10;

/// What a call was told that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    FreedTwice,
    UsedAfterFree,
    NotAStart,
    UsedInside,
    WrittenBefore,
    WrittenPastEnd,
}

impl Bad {
    const fn words(self) -> &'static str {
        match self {
            Self::FreedTwice => ", freed already (double free)",
            Self::UsedAfterFree => ", freed already (use after free)",
            Self::NotAStart => ", not the start of a block in use (invalid free)",
            Self::UsedInside => ", not the start of a block in use",
            Self::WrittenBefore => ", written to before its start (underflow)",
            Self::WrittenPastEnd => ", written to past its end (overflow)",
        }
    }
}

/// An access that was a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    /// Whether it was a write, where that is known.
    pub(crate) is_write: Option<bool>,
    /// The address of the instruction, where it is known.
    pub(crate) by: Option<usize>,
}

/// Ends the process over an address in the pool that a call was given.
#[cold]
#[inline(never)]
pub(super) fn at_call(address: *mut u8, bad: Bad) -> ! {
    let now = Trace::here();
    begin();
    let block = nearest(address.addr());
    let words = bad.words();
    let spot = Spot { address: address.addr(), block, is_accessed: false };
    report::line(format_args!("bad pointer {address:p}: {spot}{words}"));
    let modules = Modules::read();
    write_trace("  the call is", &now, &modules);
    write_block(block, &modules);
    report::abort()
}

/// Reports an access to an address in the pool that can't be accessed.
#[cold]
#[inline(never)]
pub(crate) fn fault(address: *mut u8, access: Access) {
    begin();
    let block = nearest(address.addr());
    let what = match access.is_write {
        Some(true) => "a write",
        Some(false) => "a read",
        None => "an access",
    };
    let spot = Spot { address: address.addr(), block, is_accessed: true };
    let words = spot.words_of_fault();
    report::line(format_args!("bad pointer {address:p}: {what} {spot}{words}"));
    let modules = Modules::read();
    report::line(format_args!("  the access is in thread {}", sys::thread()));
    access.by.iter().for_each(|&by| write_call(by, by, &modules));
    write_block(block, &modules);
    REPORTING.store(false, Ordering::Release);
}

/// Waits for another thread's report, whose end is the process's in general.
fn begin() {
    for _ in 0..PATIENCE {
        if !REPORTING.swap(true, Ordering::Acquire) {
            return;
        }
        sys::sleep_a_second();
    }
}

/// The book and the status of the slot whose block an address belongs to: that in whose page it lies, else the nearer one that
/// ever had a block.
fn nearest(address: usize) -> Option<(&'static Book, State)> {
    let used = |number: usize| {
        let book = book_of(number);
        book.is_used().then(|| (book, SLOTS.state(number)))
    };
    match Place::of(address) {
        Place::Slot { number } => used(number),
        Place::Between { lower, upper, is_upper_nearer } => {
            let [near, far] = if is_upper_nearer { [upper, lower] } else { [lower, upper] };
            near.and_then(used).or_else(|| far.and_then(used))
        }
    }
}

/// An address in the pool, and the block that it belongs to.
struct Spot {
    address: usize,
    block: Option<(&'static Book, State)>,
    /// Whether it was accessed, rather than given to a call.
    is_accessed: bool,
}

impl Spot {
    /// What a fault there was.
    fn words_of_fault(&self) -> &'static str {
        match self.block {
            None => "",
            Some((_, State::Free)) => ", freed already (use after free)",
            Some((block, _)) if self.address < block.start() => " (underflow)",
            Some((block, _)) if self.address >= block.start() + block.size() => " (overflow)",
            Some(_) => " (while it is allocated or freed)",
        }
    }
}

impl Display for Spot {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Some((block, _)) = self.block else {
            return out.write_str("in the pool of fenced blocks, beside none");
        };
        let (start, size) = (block.start(), block.size());
        let (distance, where_to) = match self.address.checked_sub(start) {
            None => (start - self.address, "before"),
            Some(0) if !self.is_accessed => return write!(out, "a fenced block of {size} bytes"),
            Some(offset) if offset < size => (offset, "into"),
            Some(offset) => (offset - size + 1, "past the end of"),
        };
        let unit = if distance == 1 { "byte" } else { "bytes" };
        write!(out, "{distance} {unit} {where_to} ")?;
        write!(out, "a fenced block of {size} bytes at {start:#x}")
    }
}

/// Writes which calls allocated a block, and which freed it.
fn write_block(block: Option<(&'static Book, State)>, modules: &Modules) {
    let Some((book, _)) = block else { return };
    write_trace("  allocated", &book.allocated, modules);
    write_trace("  freed", &book.freed, modules);
}

fn write_trace(what: &str, trace: &Trace, modules: &Modules) {
    if trace.thread() == 0 {
        return;
    }
    report::line(format_args!("{what} in thread {}, called from", trace.thread()));
    // The instruction before the one that is returned to is the call.
    trace.calls().for_each(|call| write_call(call, call.wrapping_sub(1), modules));
}

/// Writes an address of code, and the file and the address in it where a call or an access is: as `addr2line` takes them.
fn write_call(address: usize, call: usize, modules: &Modules) {
    match modules.around(call) {
        Some((path, place)) => {
            report::line(format_args!("    {address:#x} {path}+{place:#x}"));
        }
        None => report::line(format_args!("    {address:#x}")),
    }
}
