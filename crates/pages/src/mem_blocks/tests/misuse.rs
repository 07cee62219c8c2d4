//! Frees that must end the process with a report.

use super::*;

/// The misuse that each ignored test below commits must end the process with these words.
#[test]
fn misuse_is_reported() {
    let report = |misuse: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", misuse, "--ignored", "--nocapture"])
            .output()
            .unwrap();
        assert!(was_aborted(output.status), "{output:?}");
        std::string::String::from_utf8(output.stderr).unwrap()
    };
    assert!(report("mem_blocks::tests::misuse::dies_twice").contains("where no run in use starts"));
    assert!(
        report("mem_blocks::tests::misuse::dies_inside").contains("where no run in use starts")
    );
    assert!(report("mem_blocks::tests::misuse::dies_foreign").contains("which is foreign"));
    assert!(report("mem_blocks::tests::misuse::dies_null").contains("of a null pointer"));
}

/// Whether a process was ended where it stood: by a signal, or as Windows ends what raises an exception.
fn was_aborted(status: std::process::ExitStatus) -> bool {
    status.code().is_none_or(|code| cfg!(windows) && code < 0)
}

/// Frees what `pick` makes of a run of two blocks, `times` times.
fn misuse(pick: impl Fn(*mut u8) -> *mut u8, times: usize) {
    diag::set_sink(|line| {
        let _ = std::io::Write::write(&mut std::io::stderr(), line);
    });
    let kernel: Blocks<_> = MemBlocks::new(region(4096));
    let run = kernel.alloc_blocks(2);
    for _ in 0..times {
        // SAFETY: none: the process must end here.
        unsafe { kernel.free_blocks(pick(run)) };
    }
}

#[test]
#[ignore = "dies: run by `misuse_is_reported`"]
fn dies_twice() {
    misuse(|run| run, 2);
}

#[test]
#[ignore = "dies: run by `misuse_is_reported`"]
fn dies_inside() {
    misuse(|run| run.wrapping_add(MEM_BLOCK_SIZE), 1);
}

#[test]
#[ignore = "dies: run by `misuse_is_reported`"]
fn dies_foreign() {
    misuse(|_| (&raw mut *std::boxed::Box::leak(std::boxed::Box::new(0_u8))), 1);
}

#[test]
#[ignore = "dies: run by `misuse_is_reported`"]
fn dies_null() {
    misuse(|_| ptr::null_mut(), 1);
}
