//! Scopes: whose heap a container finds, where its blocks may go, and when the heap ends.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;

use std::{
    alloc::Layout,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    ptr::NonNull,
    sync::{Barrier, mpsc},
    task::{Context, Poll, Waker},
    thread,
};

use alone::alone;
use stratalloc_arena::{
    ArenaHeap, HeapPool, NoHeap, global, profile,
    scope::{self, Scoped},
};
use stratalloc_core::{Allocator, Stats};
use stratalloc_testkit::Suite;

const MIB: usize = 1 << 20;

fn heap() -> ArenaHeap {
    ArenaHeap::new().expect("there is memory")
}

/// The bytes in use of the heap in whose scope this is.
fn in_use() -> Option<usize> {
    scope::current(|heap| heap.stats().in_use)
}

/// What a container holds: a block of the scope's, filled with a byte, that is checked and freed as this is dropped.
struct Content {
    block: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

// SAFETY: a `Scoped` block may be freed by any thread.
unsafe impl Send for Content {}

impl Content {
    fn new(size: usize, byte: u8) -> Self {
        let layout = Layout::from_size_align(size, 8).unwrap();
        let block = Scoped.allocate(layout).expect("there is memory").cast::<u8>();
        // SAFETY: just allocated, of this size.
        unsafe { block.write_bytes(byte, size) };
        Self { block, layout, byte }
    }

    fn check(&self, size: usize) {
        // SAFETY: live, and of this size at least.
        let bytes = unsafe { std::slice::from_raw_parts(self.block.as_ptr(), size) };
        assert!(bytes.iter().all(|&byte| byte == self.byte));
    }

    fn resize(&mut self, size: usize) {
        let (old, new) = (self.layout, Layout::from_size_align(size, 8).unwrap());
        let both = old.size().min(size);
        // SAFETY: live, and of the layout `old`.
        let resized = unsafe {
            if size > both {
                Scoped.grow(self.block, old, new)
            } else {
                Scoped.shrink(self.block, old, new)
            }
        };
        (self.block, self.layout) = (resized.expect("there is memory").cast(), new);
        self.check(both);
        // SAFETY: live, and of this size.
        unsafe { self.block.write_bytes(self.byte, size) };
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.check(self.layout.size());
        // SAFETY: live, and freed once.
        unsafe { Scoped.deallocate(self.block, self.layout) };
    }
}

/// Ready the second time.
async fn pause() {
    let mut paused = false;
    let again = move |_: &mut Context<'_>| {
        if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }
    };
    poll_fn(again).await;
}

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn poll<T>(task: &mut Task<T>) -> Poll<T> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls to the end, each time on a thread of its own.
fn run_on_threads<T: Send + 'static>(mut task: Task<T>) -> T {
    loop {
        let polled = thread::spawn(move || {
            let polled = poll(&mut task);
            assert_eq!(in_use(), None);
            (polled, task)
        });
        let (result, rest) = polled.join().unwrap();
        if let Poll::Ready(output) = result {
            return output;
        }
        task = rest;
    }
}

#[test]
fn it_conforms_in_a_scope_and_in_none() {
    let _alone = alone();
    scope::run(heap(), || Suite::new(|| Scoped).max_size(3 * MIB).programs(10).run());
    Suite::new(|| Scoped).max_size(3 * MIB).programs(10).run();
}

#[test]
fn each_poll_finds_the_heap_on_whichever_thread() {
    let _alone = alone();
    let work = async {
        let mut sum = 0;
        let mut kept = Vec::new();
        for round in 0..50 {
            kept.push(Content::new(1024, round));
            sum += in_use().unwrap();
            pause().await;
            for size in [2048, 1024] {
                for content in &mut kept {
                    content.resize(size);
                }
            }
        }
        sum
    };
    let sum = run_on_threads(Box::pin(scope::scope(heap(), work)));
    assert_eq!(sum, (1..=50).sum::<usize>() * 1024);
}

/// Two requests that take turns on one thread, and one within the other.
#[test]
fn scopes_are_apart_and_an_inner_one_ends() {
    let _alone = alone();
    let work = |size, inner: bool| async move {
        let _own = Content::new(size, 1);
        pause().await;
        if inner {
            let nested = async {
                let _nested = Content::new(512, 2);
                pause().await;
                in_use()
            };
            assert_eq!(scope::scope(heap(), nested).await, Some(512));
            assert_eq!(in_use(), Some(size));
            scope::run(heap(), || assert_eq!(in_use(), Some(0)));
            assert_eq!(in_use(), Some(size));
        }
        pause().await;
        in_use()
    };
    let mut tasks: [Task<_>; 2] = [
        Box::pin(scope::scope(heap(), work(1024, true))),
        Box::pin(scope::scope(heap(), work(2048, false))),
    ];
    let mut ends = [None; 2];
    while ends.contains(&None) {
        for (end, task) in ends.iter_mut().zip(&mut tasks) {
            if end.is_none() {
                if let Poll::Ready(used) = poll(task) {
                    *end = used;
                }
            }
            assert_eq!(in_use(), None);
        }
    }
    assert_eq!(ends, [Some(1024), Some(2048)]);
}

#[test]
fn a_panic_leaves_the_scope() {
    let _alone = alone();
    let mut task: Task<()> = Box::pin(scope::scope(heap(), async {
        let _content = Content::new(100, 1);
        pause().await;
        panic!("as is tested");
    }));
    assert!(poll(&mut task).is_pending());
    scope::run(heap(), || {
        let outer = Content::new(3000, 2);
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut task))).is_err());
        assert_eq!(in_use(), Some(3072));
        drop(outer);
    });
    assert_eq!(in_use(), None);
    let panics = || scope::run(heap(), || panic!("as is tested"));
    assert!(catch_unwind(panics).is_err() && in_use().is_none());
}

/// A request that is given up: what it holds is freed in its scope, on the thread that drops it.
#[test]
fn a_future_is_dropped_within_its_scope() {
    struct Witness(Content, mpsc::Sender<Option<usize>>);

    impl Drop for Witness {
        fn drop(&mut self) {
            let _ = self.1.send(in_use());
            self.0.check(5000);
        }
    }

    let _alone = alone();
    let (sender, receiver) = mpsc::channel();
    for completes in [false, true] {
        let sender = sender.clone();
        let mut task: Task<()> = Box::pin(scope::scope(heap(), async move {
            let _witness = Witness(Content::new(5000, 1), sender);
            pause().await;
        }));
        assert!(poll(&mut task).is_pending());
        if completes {
            assert!(poll(&mut task).is_ready());
        }
        thread::spawn(move || drop(task)).join().unwrap();
        assert_eq!(receiver.recv().unwrap(), Some(5120), "{completes}");
    }
}

/// Blocks of each kind, freed after their scope by another thread, within another scope, and by the last one to go.
#[test]
fn blocks_may_outlive_their_scope() {
    let _alone = alone();
    for size in [8, 100, 3000, 70_000, 5 * MIB] {
        let make = || [1, 2, 3].map(|byte| Content::new(size, byte));
        let [first, mut second, third] = scope::run(heap(), make);
        // Another heap, which must not be the one that they lie in.
        let other = scope::run(heap(), make);
        thread::spawn(move || drop(first)).join().unwrap();
        scope::run(heap(), || {
            second.resize(2 * size);
            assert!(in_use().unwrap() >= 2 * size);
        });
        second.resize(size);
        drop((third, other, second));
    }
}

/// More heaps than there may be at a time are left to their blocks, one after another, and end with them.
#[test]
fn a_heap_ends_with_its_last_block() {
    let _alone = alone();
    let (sender, receiver) = mpsc::sync_channel::<[Content; 2]>(20);
    let freer = thread::spawn(move || receiver.into_iter().for_each(drop));
    for round in 0..1000 {
        let size = 1 + round * 37 % 50_000;
        let contents = scope::run(heap(), || [Content::new(size, 1), Content::new(40, 2)]);
        sender.send(contents).unwrap();
    }
    drop(sender);
    freer.join().unwrap();
}

/// Both threads free a heap's last blocks at once: one of them ends it.
#[test]
fn a_heap_ends_once() {
    let _alone = alone();
    let together = &Barrier::new(2);
    let (sender, receiver) = mpsc::sync_channel::<Content>(1);
    thread::scope(|threads| {
        threads.spawn(move || {
            for content in receiver {
                together.wait();
                drop(content);
            }
        });
        for _ in 0..1000 {
            let [first, second] =
                scope::run(heap(), || [Content::new(24, 1), Content::new(40_000, 2)]);
            sender.send(first).unwrap();
            together.wait();
            drop(second);
        }
        drop(sender);
    });
}

/// One thread allocates while another frees what it is sent of that.
#[test]
fn threads_free_what_a_scope_in_use_allocated() {
    let _alone = alone();
    let (sender, receiver) = mpsc::sync_channel::<Content>(64);
    let freer = thread::spawn(move || {
        for mut content in receiver {
            if content.byte % 3 == 0 {
                content.resize(content.layout.size() / 2 + 1);
            }
        }
    });
    scope::run(heap(), || {
        let mut own = Vec::new();
        for round in 0..20_000_usize {
            let content = Content::new(1 + round * 131 % 3000, round as u8);
            if round % 2 == 0 {
                sender.send(content).unwrap();
            } else {
                own.push(content);
            }
            if own.len() == 200 {
                own.clear();
            }
        }
        drop((sender, own));
        freer.join().unwrap();
        assert_eq!(in_use(), Some(0));
    });
}

/// A limit holds in its scope: the request is refused, and the process doesn't step in.
#[test]
fn a_scope_has_the_limit_of_its_heap() {
    let _alone = alone();
    let refused = scope::run(ArenaHeap::with_limit(MIB).unwrap(), || {
        let kept = Content::new(MIB / 2, 1);
        let layout = Layout::new::<[u8; MIB]>();
        let refused = Scoped.allocate(layout).is_err() && Scoped.allocate_zeroed(layout).is_err();
        drop(kept);
        drop(Content::new(MIB / 2, 2));
        refused
    });
    assert!(refused);
}

/// Samples begin and end while the thread is in a scope.
#[test]
fn a_profile_may_start_and_stop_meanwhile() {
    let _alone = alone();
    let free = |block: *mut u8| {
        // SAFETY: null, or live and freed once.
        unsafe { global::deallocate(block) };
    };
    scope::run(heap(), || {
        let contents = [0, 1, 2, 3].map(|round| {
            if round == 1 {
                profile::start(1000).unwrap();
            }
            if round == 3 {
                profile::stop();
            }
            // So many that the thread comes to its slow paths, where it joins.
            let others: Vec<_> = (0..500).map(|_| global::allocate(100, 8)).collect();
            others.into_iter().for_each(free);
            let content = Content::new(1000, round);
            assert_eq!(in_use(), Some((usize::from(round) + 1) * 1024));
            content
        });
        drop(contents);
        assert_eq!(in_use(), Some(0));
    });
}

#[test]
fn what_was_allocated_from_the_heap_before_is_freed() {
    let _alone = alone();
    let own = heap();
    own.allocate(Layout::new::<[u8; 5000]>()).unwrap();
    scope::run(own, || assert_eq!(in_use(), Some(0)));
}

#[test]
fn a_pool_gives_as_many_as_there_may_be() {
    static HEAPS: HeapPool = HeapPool::new(3).limit(MIB);

    let _alone = alone();
    for _ in 0..3 {
        let mut taken: Vec<_> = (0..3).map(|_| HEAPS.take().unwrap()).collect();
        assert_eq!(HEAPS.take().unwrap_err(), NoHeap::AllInUse(3));
        for heap in &mut taken {
            assert_eq!((heap.limit(), heap.stats().in_use), (Some(MIB), 0));
            heap.allocate(Layout::new::<[u8; 5000]>()).unwrap();
            heap.reset();
            assert_eq!(heap.stats().in_use, 0);
            heap.allocate(Layout::new::<[u8; 5000]>()).unwrap();
        }
        assert_eq!(HEAPS.in_use(), 3);
        drop(taken.pop());
        taken.push(HEAPS.take().unwrap());
    }
    assert_eq!(HEAPS.in_use(), 0);
}

#[test]
fn a_scope_gives_its_place_in_the_pool_back_as_it_ends() {
    static HEAPS: HeapPool = HeapPool::new(1);

    let _alone = alone();
    // More than there may be heaps: each ends with the block that it was left to.
    for _ in 0..1000 {
        let mut task: Task<Content> =
            Box::pin(scope::scope(HEAPS.take().unwrap(), async { Content::new(100, 1) }));
        assert!(HEAPS.take().is_err());
        let Poll::Ready(content) = poll(&mut task) else { panic!("it doesn't wait") };
        assert_eq!(HEAPS.in_use(), 0, "although the future isn't dropped yet");
        let other = scope::run(HEAPS.take().unwrap(), || Content::new(100, 2));
        content.check(100);
        other.check(100);
    }
}

/// Threads take heaps as fast as they can: there are never more than the pool has.
#[test]
fn threads_share_a_pool() {
    static HEAPS: HeapPool = HeapPool::new(2);

    let _alone = alone();
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let mut served = 0;
                while served < 200 {
                    let Ok(heap) = HEAPS.take() else {
                        thread::yield_now();
                        continue;
                    };
                    assert!((1..=2).contains(&HEAPS.in_use()));
                    scope::run(heap, || drop(Content::new(100, 1)));
                    served += 1;
                }
            });
        }
    });
    assert_eq!(HEAPS.in_use(), 0);
}
