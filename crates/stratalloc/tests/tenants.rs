//! The service whose tags and profile tell which of its parts leaks.

#![cfg(target_env = "gnu")]

#[path = "../examples/tenants.rs"]
mod example;

#[test]
fn the_leak_is_found_by_its_tag_and_its_function() {
    example::main().unwrap();
}
