//! A service of tokio tasks whose every allocation is served by `Stratalloc`.
//!
//! `cargo run --release -p stratalloc --example service`; its twin `service_system` does the same
//! work with the system's allocator, and `cargo xtask demo` compares the two.

mod work;

#[global_allocator]
static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;

fn main() {
    work::run();
}
