//! The fast paths as the processor sees them: straight to a return, with no call and no bus lock.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::process;

/// More than this, from the entries to the first returns, is no pair of fast paths: four fifths of
/// what the best of other allocators take in the same loop.
const MOST: usize = 33;

/// Disassembles `malloc` and `free` of the library, and prints how many instructions they take.
pub(super) fn check(library: &Path) -> Result<()> {
    process::need("objdump", "binutils")?;
    let mut both = 0;
    for function in ["malloc", "free"] {
        let start = address(library, function)?;
        let mut command = std::process::Command::new("objdump");
        command.args(["--disassemble", "--no-show-raw-insn", "--no-addresses"]);
        command.arg(format!("--start-address={start:#x}"));
        command.arg(format!("--stop-address={:#x}", start + 1024)).arg(library);
        let output = process::output(&mut command)?;
        let length = length(&String::from_utf8_lossy(&output.stdout), function)?;
        eprintln!("     {function}: {length} instructions to its return");
        both += length;
    }
    ensure!(both <= MOST, "malloc and free take {both} instructions, {MOST} at most");
    Ok(())
}

/// Where a function begins. (objdump calls it by one of its names only, and knows no other.)
fn address(library: &Path, function: &str) -> Result<u64> {
    let mut command = std::process::Command::new("nm");
    let output = process::output(command.args(["--dynamic", "--defined-only"]).arg(library))?;
    let symbols = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = symbols.lines().find(|line| line.ends_with(&format!(" T {function}")));
    let line = line.with_context(|| format!("the library has no {function}"))?;
    Ok(u64::from_str_radix(line.split(' ').next().unwrap_or_default(), 16)?)
}

/// The instructions from the entry to the first return in objdump's `text`. What stands anywhere
/// in the function counts as its fast path: the slow one is left for by a jump.
fn length(text: &str, function: &str) -> Result<usize> {
    let body = text.split(">:\n").nth(1).with_context(|| format!("{function} has no code"))?;
    let code: Vec<&str> = body.lines().map_while(|line| line.strip_prefix('\t')).collect();
    for line in &code {
        let mut words = line.split_whitespace();
        let word = words.next().unwrap_or_default();
        let locks = word == "lock" || (word.starts_with("xchg") && line.contains('('));
        ensure!(!word.starts_with("call") && !locks, "{function} has a slow instruction: {line}");
    }
    let position = code.iter().position(|line| line.starts_with("ret"));
    Ok(position.with_context(|| format!("{function} never returns"))? + 1)
}

#[cfg(test)]
mod tests {
    use super::length;

    const GOOD: &str = "x\n<malloc>:\n\tmov    %rdi,%rax\n\tjne    <slow>\n\tret\n\tjmp    <slow>\n\n<y>:\n\tcall z\n";

    #[test]
    fn instructions_count_to_the_first_return() {
        assert_eq!(length(GOOD, "malloc").unwrap(), 3);
    }

    #[test]
    fn calls_locks_and_absence_are_found() {
        for bad in ["call   <f>", "lock cmpxchg %rcx,(%rdx)", "xchg   %rax,(%rdi)"] {
            let text = GOOD.replace("jmp    <slow>", bad);
            assert!(length(&text, "malloc").is_err(), "{bad}");
        }
        assert!(length("x\n", "malloc").is_err());
        assert!(length(&GOOD.replace("\tret\n", ""), "malloc").is_err());
    }
}
