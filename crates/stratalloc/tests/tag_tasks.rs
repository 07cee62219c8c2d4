//! Tags in the tasks of a rayon pool: each task is in the tag that it enters, on whichever thread, and in no other.

#![cfg(kind = "arenas")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
};

use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};
use stratalloc::tag::{self, Tag};

#[global_allocator]
static ALLOCATOR: stratalloc::Stratalloc = stratalloc::Stratalloc;

const TASKS: usize = 2000;

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(4).build().unwrap()
}

/// Blocks that tasks allocate in a tag.
fn pages(tag: Tag) -> Vec<Vec<u8>> {
    let page = |number| vec![1; 100 + number % 50];
    (0..TASKS).into_par_iter().map(|number| tag::run(tag, || page(number))).collect()
}

fn in_tag(pages: &[Vec<u8>], tag: Tag) -> bool {
    pages.iter().all(|page| tag::of(page.as_ptr()) == Some(tag))
}

#[test]
fn each_task_counts_in_the_tag_that_it_enters() {
    let [left, right] = ["left", "right"].map(|name| Tag::named(name).unwrap());
    let pool = pool();
    let (mine, others) = pool.install(|| rayon::join(|| pages(left), || pages(right)));
    assert!(in_tag(&mine, left) && in_tag(&others, right));
    for tag in [left, right] {
        assert_eq!(tag.figures().live_blocks, TASKS);
    }
    // Freed by other threads, each of them in another tag.
    pool.install(|| mine.into_par_iter().for_each(|page| tag::run(right, || drop(page))));
    assert_eq!(left.figures().live_blocks, 0);
    assert_eq!(right.figures().live_blocks, TASKS);
    drop(others);
    assert_eq!(right.figures().live_bytes, 0);
    assert!(pool.broadcast(|_| tag::current()).iter().all(Option::is_none));
}

#[test]
fn tasks_within_a_tasks_tag_come_back_to_it() {
    let [outer, inner] = ["outer", "inner"].map(|name| Tag::named(name).unwrap());
    let found = Mutex::new(Vec::new());
    let look = |wanted: Tag| {
        let block = vec![0_u8; 1000];
        let right = tag::of(block.as_ptr()) == Some(wanted) && tag::current() == Some(wanted);
        found.lock().unwrap().push(right);
    };
    pool().install(|| {
        (0..200).into_par_iter().for_each(|_| {
            tag::run(outer, || {
                rayon::join(|| tag::run(inner, || look(inner)), || tag::run(outer, || look(outer)));
                look(outer);
            });
        });
    });
    let found = found.into_inner().unwrap();
    assert_eq!((found.len(), found.iter().all(|&right| right)), (600, true));
}

#[test]
fn a_task_that_panics_leaves_its_tag() {
    let tag = Tag::named("panicking").unwrap();
    let pool = pool();
    for _ in 0..4 {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            pool.install(|| tag::run(tag, || std::panic::resume_unwind(Box::new(vec![0_u8; 500]))));
        }));
        assert!(panicked.is_err());
    }
    assert!(pool.broadcast(|_| tag::current()).iter().all(Option::is_none));
    assert_eq!(tag.figures().live_blocks, 0);
}
