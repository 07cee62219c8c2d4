//! The `service` example with the system's allocator, to compare with.

#[path = "service/work.rs"]
mod work;

fn main() {
    work::run();
}
