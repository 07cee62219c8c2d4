//! Probes on slow paths, at which other tools can stop: `perf`, `bpftrace`, `SystemTap`, gdb.
//!
//! Each is one instruction that does nothing, and a note in the file of where it stands and which registers hold its
//! arguments, in the form of `SystemTap`'s user-space probes (USDT, version 3). Nobody reads the notes as the program runs.
//!
//! | probe | arguments |
//! |---|---|
//! | `allocate_slow` | bytes and alignment asked for, where the thread has no block at hand |
//! | `refill` | bytes of a block of the class, and the heap |
//! | `sampled` | the block, and its bytes |
//! | `commit` | the first byte that becomes usable, and how many do |
//! | `purge` | the first byte whose memory goes back, and how many do |

/// A probe with two arguments, words each.
macro_rules! probe {
    ($name:literal, $first:expr, $second:expr) => {{
        #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
        $crate::sys::probe::note!($name, "8@%{0} 8@%{1}", $first, $second);
        #[cfg(all(target_arch = "aarch64", not(any(miri, loom))))]
        $crate::sys::probe::note!($name, "8@{0} 8@{1}", $first, $second);
        #[cfg(any(miri, loom, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        let _: (usize, usize) = ($first, $second);
    }};
}

/// The instruction, and its note. The base is a byte in memory, by whose address tools tell how far the file was moved.
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(any(miri, loom))))]
macro_rules! note {
    ($name:literal, $arguments:literal, $first:expr, $second:expr) => {{
        let (first, second): (usize, usize) = ($first, $second);
        // SAFETY: the instruction does nothing, and the sections that follow have no code.
        unsafe {
            core::arch::asm!(
                "990: nop",
                ".pushsection .note.stapsdt,\"?\",\"note\"",
                ".balign 4",
                ".4byte 992f - 991f, 994f - 993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b",
                ".8byte _.stapsdt.base",
                ".8byte 0",
                ".asciz \"stratalloc\"",
                concat!(".asciz \"", $name, "\""),
                concat!(".asciz \"", $arguments, "\""),
                "994: .balign 4",
                ".popsection",
                ".ifndef _.stapsdt.base",
                ".pushsection .stapsdt.base,\"aGR\",\"progbits\",.stapsdt.base,comdat",
                ".weak _.stapsdt.base",
                ".hidden _.stapsdt.base",
                "_.stapsdt.base: .space 1",
                ".size _.stapsdt.base, 1",
                ".popsection",
                ".endif",
                in(reg) first,
                in(reg) second,
                options(nomem, nostack, preserves_flags),
            );
        }
    }};
}

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(any(miri, loom))))]
pub(crate) use note;
pub(crate) use probe;
