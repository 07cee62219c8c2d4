//! Probes, and what a debugger reads of a process.

use std::{collections::BTreeSet, path::Path};

use super::harness::{Way, build, lib_dir};

/// The probes in a library's notes, by name, with how many arguments each has.
fn probes(library: &Path) -> BTreeSet<(String, usize)> {
    let mut readelf = std::process::Command::new("readelf");
    let output = readelf.args(["--notes", "--wide"]).arg(library).output().unwrap();
    let notes = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |note: &str, name: &str| {
        let line = note.lines().find_map(|line| line.trim_start().strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {notes}")).trim().to_owned()
    };
    let mut found = BTreeSet::new();
    for note in notes.split("Provider: stratalloc\n").skip(1) {
        let location = field(note, "Location: 0x");
        // Tools leave out a file whose base the linker has dropped.
        assert!(
            !location.contains("0000000000000000, Sem")
                && !location.starts_with("0000000000000000"),
            "{note}"
        );
        let arguments = field(note, "Arguments: ");
        assert!(arguments.split(' ').all(|argument| argument.starts_with("8@")), "{arguments}");
        found.insert((field(note, "Name: "), arguments.split(' ').count()));
    }
    found
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[test]
fn the_probes_of_the_slow_paths_are_noted() {
    let names = ["allocate_slow", "commit", "purge", "refill", "sampled"];
    let expected = names.map(|name| (name.to_owned(), 2)).into();
    assert_eq!(probes(&lib_dir().join("libstratalloc.so")), expected);
}

#[test]
#[ignore = "needs gdb: `cargo xtask test --elsewhere` has it"]
fn the_debugger_stops_at_a_probe_and_reads_its_arguments() {
    let probe = "break -probe-stap stratalloc:allocate_slow";
    let asked = ["print $_probe_arg0", "print $_probe_arg1", "delete", "continue"];
    let commands = ["set disable-randomization off", "break stop", "run", probe, "continue"];
    let said = debugged(&build("debugged", Way::Linked), &[&commands[..], &asked].concat());
    // What the program asks for after it stopped first, aligned as C has it.
    assert!(said.contains("$1 = 104857600\n") && said.contains("$2 = 16\n"), "{said}");
}

/// What gdb prints for commands, on a program that it starts.
fn debugged(program: &Path, commands: &[&str]) -> String {
    let mut gdb = std::process::Command::new("gdb");
    gdb.args(["-nx", "-batch"]).arg(program);
    gdb.args(commands.iter().flat_map(|command| ["-ex", command]));
    let output = gdb.stdin(std::process::Stdio::null()).output().expect("this test needs gdb");
    let [said, complained] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{said}{complained}");
    eprintln!("{said}{complained}");
    said
}

#[test]
#[ignore = "needs gdb: `cargo xtask test --elsewhere` has it"]
fn the_debuggers_command_says_what_an_address_is() {
    let source = concat!("source ", env!("CARGO_MANIFEST_DIR"), "/gdb/what.py");
    let stopped =
        ["set disable-randomization off", "break stop", "run", "up", source, "set $kept = small"];
    let asked = [
        "what small",
        "what (char *)small + 8",
        "what freed",
        "what (char *)large + 5000",
        "what others",
        "what &small",
        "what $sp",
        "what 0",
    ];
    // In the midst of an allocation, whose thread holds its heap's lock.
    let within = ["catch syscall mmap", "continue", "what $kept", "delete", "continue"];
    let said = debugged(&build("debugged", Way::Linked), &[&stopped[..], &asked, &within].concat());
    let lines = said.lines().filter_map(|line| line.strip_prefix("0x")?.split_once(": "));
    let answers: Vec<_> = lines.map(|(_, answer)| answer).collect();
    let expected = [
        "a live block of 208, of this thread's heap: area 0x",
        "8 bytes into a live block of 208 at 0x",
        "a free (at hand) block of 1024, of this thread's heap: area 0x",
        "5000 bytes into a live large block of 1048576 at 0x",
        "a live block of 320, of another thread's heap: area 0x",
        "not of this allocator",
        "not of this allocator",
        "not of this allocator",
        "can't be said now, the heap is being changed, of this thread's heap: area 0x",
    ];
    assert_eq!(answers.len(), expected.len(), "{said}");
    for (answer, start) in answers.iter().zip(expected) {
        assert!(answer.starts_with(start), "{answer}, not {start}");
    }
    // The program itself prints nothing, which might come in the midst of a line.
    assert!(said.contains(" exited normally]"), "{said}");
}

#[test]
#[ignore = "needs gdb: `cargo xtask test --elsewhere` has it"]
fn the_debuggers_command_says_the_same_of_a_core_dump() {
    let cases = [
        ("what small", "a live block of 208, of a thread's heap: area 0x"),
        ("what (char *)small + 8", "8 bytes into a live block of 208 at 0x"),
        ("what freed", "a free (at hand) block of 1024, of a thread's heap: area 0x"),
        ("what given_back", "a free block of 32768, of a thread's heap: area 0x"),
        ("what (char *)unused + 1", "1 bytes into a never used block of 48 at 0x"),
        ("what (char *)large + 5000", "5000 bytes into a live large block of 1048576 at 0x"),
        ("what (char *)whole + 9", "9 bytes into a live large block with arenas of its own of "),
        ("what (char *)huge + 7", "7 bytes into a live huge block of 5368709120 at 0x"),
        ("what others", "a live block of 320, of a thread's heap: area 0x"),
        ("what of_heap", "a live block of 112, of an arena heap: area 0x"),
        ("what (long)small >> 36 << 36", "the allocator's books, of a thread's heap: area 0x"),
        ("what (long)large + (1 << 28)", "memory that no block has, of a thread's heap: area 0x"),
        ("what &small", "not of this allocator"),
        ("what $sp", "not of this allocator"),
        ("what 0", "not of this allocator"),
    ];
    let asked = cases.map(|(asked, _)| asked);
    let core = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debugged.core");
    let [dump, load] =
        ["generate-core-file", "core-file"].map(|verb| format!("{verb} {}", core.display()));
    let source = concat!("source ", env!("CARGO_MANIFEST_DIR"), "/gdb/what.py");
    let stopped = ["set disable-randomization off", source, "break stop", "run", "up"];
    let dead = [dump.as_str(), "kill", &load, "up"];
    let program = build("debugged", Way::Linked);
    let said = debugged(&program, &[&stopped[..], &asked, &dead, &asked].concat());
    std::fs::remove_file(core).unwrap();
    let lines = said.lines().filter(|line| line.starts_with("0x") && line.contains(": "));
    let answers: Vec<_> = lines.collect();
    assert_eq!(answers.len(), 2 * cases.len(), "{said}");
    let (alive, dead) = answers.split_at(cases.len());
    for ((alive, dead), (asked, start)) in alive.iter().zip(dead).zip(cases) {
        let (_, answer) = dead.split_once(": ").unwrap();
        assert!(answer.starts_with(start), "{asked}: {answer}, not {start}");
        let known = ["this thread's", "another thread's"];
        let alive =
            known.iter().fold(alive.to_string(), |line, whose| line.replace(whose, "a thread's"));
        assert_eq!(alive, *dead, "{asked}");
    }
}
