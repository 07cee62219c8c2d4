//! How the shared library is linked: its name for the dynamic linker, and that it stays mapped.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_FREESTANDING").is_some() {
        // Rust's standard library would have asked for it; so that symbols get their versions.
        println!("cargo:rustc-cdylib-link-arg=-lc");
    }
    // Programs linked to it look for this name. The number changes when a symbol goes or changes.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libstratalloc.so.0");
    // Blocks, and the destructor for threads that end, outlive a dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A lazily bound call could enter the dynamic linker, and so malloc, from inside an allocation.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,now");
}
