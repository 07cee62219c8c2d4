//! How the shared library is linked: its name for the dynamic linker, and that it stays mapped.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let has = |feature| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if has("FREESTANDING") {
        // Rust's standard library would have asked for it; so that symbols get their versions.
        println!("cargo:rustc-cdylib-link-arg=-lc");
    }
    // Programs linked to it look for this name. The number changes when a symbol goes or changes. The checked and the
    // hardened build have names of their own: all may be installed.
    let name = match (has("HARDENED"), has("CHECKED")) {
        (true, _) => "libstratalloc-hardened",
        (false, true) => "libstratalloc-checked",
        (false, false) => "libstratalloc",
    };
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{name}.so.0");
    // Blocks, and the destructor for threads that end, outlive a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A lazily bound call could enter the dynamic linker, and so malloc, from inside an allocation.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
}
