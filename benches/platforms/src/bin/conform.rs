//! The checks that need no threads, in a program whose every allocation is the front door's: for WebAssembly, where no
//! test harness runs.

use stratalloc::Stratalloc;
use stratalloc_platforms::{block, front_door, heap, pool, say};

#[global_allocator]
static ALLOCATOR: Stratalloc = Stratalloc;

fn main() {
    std::panic::set_hook(Box::new(|panic| say(&panic.to_string())));
    let checks: [(&str, fn()); 4] = [
        ("the front door", || front_door(false)),
        ("a heap", heap),
        ("blocks", || block(false)),
        ("a pool", pool),
    ];
    for (name, check) in checks {
        check();
        say(&format!("conforms: {name}"));
    }
}
