//! The `geometry` example with the system's allocator, to compare with.

#[path = "geometry/work.rs"]
mod work;

fn main() {
    work::run();
}
