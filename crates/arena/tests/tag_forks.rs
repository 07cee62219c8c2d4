//! Tags in children of forks, one test after another: a child has no thread that would give a lock of std back.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;
#[path = "common/children.rs"]
mod children;
#[path = "common/content.rs"]
mod content;
#[path = "common/threads.rs"]
mod threads;

use std::{sync::Barrier, thread};

use alone::alone;
use children::{Outcome, fork_and_wait};
use content::{Content, live, named};
use stratalloc_arena::{
    ArenaHeap,
    tag::{self, NoTag, Tag},
    validate,
};
use threads::at_once;

#[test]
fn a_tag_beyond_those_that_there_may_be_is_refused_and_the_others_go_on() {
    let _alone = alone();
    let outcome = fork_and_wait(300, || {
        let made = (0..300).map(|number| Tag::named(&format!("number {number}")));
        let made = made.collect::<Vec<_>>();
        let refused = made.iter().filter(|made| **made == Err(NoTag::TooMany(256))).count();
        let known = tag::all().count();
        let last = made.iter().rev().find_map(|made| made.ok()).unwrap();
        let block = tag::run(last, || Content::new(100));
        known == 256
            && made.iter().filter(|made| made.is_ok()).count() + refused == 300
            && Tag::named("number 0").is_ok()
            && block.tag() == Some(last)
            && ArenaHeap::new().is_ok()
    });
    assert_eq!(outcome, Outcome::Right);
}

#[test]
fn a_child_of_a_fork_goes_on_in_its_tag() {
    let _alone = alone();
    let tag = named("forked");
    let (ready, end) = (Barrier::new(2), Barrier::new(2));
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            let _block = tag::run(tag, || Content::new(100));
            ready.wait();
            end.wait();
        });
        ready.wait();
        let outcome = tag::run(tag, || {
            let block = Content::new(100);
            fork_and_wait(60, || {
                let before = live(tag).1;
                let more = Content::new(100_000);
                let in_tag = (before, live(tag).1, more.tag()) == (2, 3, Some(tag));
                drop((block, more));
                let ends =
                    at_once(2, || tag::current().is_none() && Content::new(10).tag().is_none());
                in_tag && live(tag).1 == 1 && ends == [true; 2] && validate().is_ok()
            })
        });
        end.wait();
        outcome
    });
    assert_eq!(outcome, Outcome::Right);
}
