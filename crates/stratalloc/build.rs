//! Says which of its ways `Stratalloc` takes, by the cfg `kind`: one word for a choice that the dependencies in
//! `Cargo.toml` make too.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!(
        "cargo::rustc-check-cfg=cfg(kind, values(\"arenas\", \"heap\", \"given\", \"system\", \"layers\"))"
    );
    println!("cargo::rustc-cfg=kind=\"{}\"", kind());
}

/// Returns the best that the target can have.
fn kind() -> &'static str {
    let of = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let (system, machine, width) = (of("OS"), of("ARCH"), of("POINTER_WIDTH"));
    let has_arenas = ["x86_64", "aarch64", "riscv64"].contains(&machine.as_str()) && width == "64";
    match system.as_str() {
        "linux" if has_arenas => "arenas",
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" | "windows" => "heap",
        _ if of("VENDOR") == "apple" => "heap",
        // Emscripten's C library has to know of all that grows the memory.
        _ if machine == "wasm32" && system != "emscripten" => "heap",
        // Without the feature, the layers alone: no lock is right for every machine.
        "none" if env::var_os("CARGO_FEATURE_CRITICAL_SECTION").is_none() => "layers",
        "none" => "given",
        _ => "system",
    }
}
