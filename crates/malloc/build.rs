//! How the shared library is linked: its name for the dynamic linker, and that it stays mapped.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let has = |feature| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if has("FREESTANDING") {
        // Rust's standard library would have asked for it; so that symbols get their versions.
        println!("cargo:rustc-cdylib-link-arg=-lc");
    }
    // Programs linked to it look for this name. The number changes when a symbol goes or changes. The builds that
    // check more have names of their own: all may be installed.
    let level = ["PARANOID", "HARDENED", "CHECKED"].into_iter().find(|level| has(level));
    let name = match level {
        Some(level) => format!("libstratalloc-{}", level.to_lowercase()),
        None => "libstratalloc".to_owned(),
    };
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{name}.so.0");
    // Blocks, and the destructor for threads that end, outlive a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A lazily bound call could enter the dynamic linker, and so malloc, from inside an allocation.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
}
