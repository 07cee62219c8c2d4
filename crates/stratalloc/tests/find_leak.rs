//! The example that asks for its leak finds it.

#![cfg(target_env = "gnu")]

#[path = "../examples/find_leak.rs"]
mod example;

#[test]
fn the_leak_is_found() {
    example::main().unwrap();
}
