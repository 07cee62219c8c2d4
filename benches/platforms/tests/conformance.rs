//! Every layer by the contract, on a system with threads.

use stratalloc_platforms::{block, front_door, heap, pool};

#[test]
fn the_front_door_conforms() {
    front_door(true);
}

#[test]
fn a_heap_conforms() {
    heap();
}

#[test]
fn blocks_conform() {
    block(true);
}

#[test]
fn a_pool_conforms() {
    pool();
}
