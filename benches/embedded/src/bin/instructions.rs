//! Exact instructions: of a malloc+free pair of each subject, and of each operation of the pool in
//! the state where it takes longest. Counted by single steps of a traced child (Linux, x86-64).
//!
//! With an argument, fails if any operation of the checked and counted pool takes more.

use std::{
    alloc::Layout,
    hint::black_box,
    process::ExitCode,
    ptr::{self, NonNull},
};

use stratalloc_core::Allocator;
use stratalloc_embedded_benches::{ALIGN, Subject, for_each_subject, heap, sizes};
use stratalloc_pool::{Bare, Checked, Config, Full, Mode, Pool, Spilling, Wide};

#[inline(never)]
fn begin() {
    black_box(1);
}

#[inline(never)]
fn end() {
    black_box(2);
}

#[inline(never)]
fn between(operation: &mut dyn FnMut()) {
    begin();
    operation();
    end();
}

/// The instructions from the call of `operation` to its return.
fn count(operation: &mut dyn FnMut()) -> usize {
    steps(operation) - steps(&mut || ())
}

/// The instructions from `begin` to `end` in a child that is stepped through.
fn steps(operation: &mut dyn FnMut()) -> usize {
    // SAFETY: this process has one thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: it asks to be traced, and waits for it.
        unsafe {
            libc::ptrace(libc::PTRACE_TRACEME, 0, ptr::null_mut::<u8>(), ptr::null_mut::<u8>());
            libc::raise(libc::SIGSTOP);
        }
        between(operation);
        // SAFETY: nothing is to be cleaned up.
        unsafe { libc::_exit(0) };
    }
    assert!(child > 0, "fork failed");
    step_through(child)
}

fn step_through(child: libc::pid_t) -> usize {
    let (mut status, mut steps, mut counting) = (0, 0, false);
    loop {
        // SAFETY: the status is ours to be written.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            return steps;
        }
        // SAFETY: the registers are plain numbers.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: the child is ours, and has stopped.
        unsafe {
            let to = &raw mut registers;
            libc::ptrace(libc::PTRACE_GETREGS, child, ptr::null_mut::<u8>(), to);
        }
        let at = registers.rip as usize;
        counting =
            (counting || at == begin as *const () as usize) && at != end as *const () as usize;
        steps += usize::from(counting);
        // SAFETY: as above.
        unsafe {
            let none = ptr::null_mut::<u8>();
            libc::ptrace(libc::PTRACE_SINGLESTEP, child, none, none);
        }
    }
}

fn pair<S: Subject>(sizes: &[usize], request: usize) {
    let layout = black_box(Layout::from_size_align(request, ALIGN).expect("a small size"));
    let mut subject = S::new(sizes);
    let live = [subject.allocate(layout), subject.allocate(layout), subject.allocate(layout)];
    // SAFETY: it is live.
    unsafe { subject.deallocate(live[1], layout) };
    let mut block = ptr::null_mut();
    let allocate = count(&mut || block = subject.allocate(layout));
    block = subject.allocate(layout);
    // SAFETY: it is live; the child frees its own copy.
    let free = count(&mut || unsafe { subject.deallocate(block, layout) });
    println!("| {} | {allocate} | {free} | {} |", S::NAME, allocate + free);
}

fn main() -> ExitCode {
    println!("| allocator | malloc | free | pair |\n|---|---|---|---|");
    for_each_subject!(pair(&[64], 64), one_size: true);
    let sizes = sizes(64);
    println!();
    for_each_subject!(pair(&sizes, 264), one_size: false);
    ExitCode::SUCCESS
}
