//! Tags: what counts under them, wherever it is freed, and for how long a thread is in one.

#![cfg(not(loom))]

#[path = "common/content.rs"]
mod content;
#[path = "common/random.rs"]
mod random;
#[path = "common/threads.rs"]
mod threads;

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

use content::{Content, live, named};
use random::Random;
use stratalloc_arena::{
    address, global,
    limit::{self, Refused},
    tag::{self, NoTag, Tag},
    validate,
};
use stratalloc_core::MAX_CLASS_SIZE;
use threads::at_once;

const MIB: usize = 1 << 20;

/// The tag's blocks by address, each found once.
fn blocks(tag: Tag) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    for block in tag.blocks() {
        assert_eq!(found.insert(block.start, block.size), None, "found twice");
    }
    found
}

/// What a block counts: of a large one its pages, though the program may not use what is left of the last.
fn counted(block: &Content, is_large: bool) -> usize {
    if is_large { block.bytes().next_multiple_of(4096) } else { block.bytes() }
}

#[test]
fn blocks_of_every_size_count_exactly_until_they_are_freed() {
    let tag = named("sizes");
    let sizes = [1, 8, 100, 1000, 4096, 32 << 10, 33 << 10, 300 << 10, 3 * MIB, 70 * MIB];
    let entered = tag::enter(tag);
    let (mut held, mut bytes) = (Vec::new(), 0);
    for (number, size) in sizes.into_iter().enumerate() {
        held.push(Content::new(size));
        bytes += counted(&held[number], size > MAX_CLASS_SIZE);
        assert_eq!(live(tag), (bytes, number + 1), "{size}");
        assert_eq!(held[number].tag(), Some(tag), "{size}");
    }
    held.push(Content::aligned(100, 64 << 10));
    bytes += counted(&held[sizes.len()], true);
    drop(entered);
    let other = Content::new(100);
    assert_eq!(other.tag(), None);
    assert_eq!(live(tag), (bytes, sizes.len() + 1));
    held.clear();
    let figures = tag.figures();
    assert_eq!((figures.live_bytes, figures.live_blocks), (0, 0));
    assert_eq!(figures.peak_bytes, bytes);
    assert_eq!(figures.allocated_bytes, bytes as u64);
    assert_eq!(figures.allocated_blocks, sizes.len() as u64 + 1);
}

#[test]
fn zeroed_blocks_of_a_tag_are_zero_where_others_were() {
    let tag = named("zeroed");
    tag::run(tag, || {
        for size in [100, 5000, 300 << 10, 3 * MIB] {
            let before = Content::new(size);
            // SAFETY: it has so many bytes.
            unsafe { before.block().write_bytes(7, size) };
            drop(before);
            let zeroed = Content(global::allocate_zeroed(size, 8).expose_provenance());
            // SAFETY: it is live, and has so many bytes.
            let bytes = unsafe { std::slice::from_raw_parts(zeroed.block(), size) };
            assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
            assert_eq!(live(tag), (zeroed.bytes(), 1));
        }
    });
}

#[test]
fn a_tag_within_a_tag_counts_until_it_ends() {
    let (outer, inner) = (named("outer"), named("inner"));
    let first = tag::enter(outer);
    let one = Content::new(100);
    let two = tag::run(inner, || {
        assert_eq!(tag::current(), Some(inner));
        Content::new(100)
    });
    let three = Content::new(100);
    drop(first);
    let four = Content::new(100);
    assert_eq!(
        [&one, &two, &three, &four].map(Content::tag),
        [Some(outer), Some(inner), Some(outer), None]
    );
    assert_eq!((live(outer).1, live(inner).1), (2, 1));
}

#[test]
fn a_panic_leaves_the_tag() {
    let tag = named("panic");
    let panicked = catch_unwind(AssertUnwindSafe(|| tag::run(tag, || panic!("as it should"))));
    assert!(panicked.is_err());
    assert_eq!(tag::current(), None);
}

#[test]
fn a_thread_is_in_no_tag_once_it_left_as_often_as_it_entered_in_whatever_order() {
    let (one, two) = (named("order one"), named("order two"));
    let first = tag::enter(one);
    let second = tag::enter(two);
    drop(first);
    // In any of the two meanwhile, or in none.
    drop((0..10).map(|_| Content::new(100)).collect::<Vec<_>>());
    drop(second);
    assert_eq!(tag::current(), None);
    assert_eq!(Content::new(100).tag(), None);
    assert_eq!((live(one), live(two)), ((0, 0), (0, 0)));
}

#[test]
fn a_thread_has_its_own_stock_before_and_after() {
    let tag = named("stock");
    let block = Content::new(208);
    let at = block.0;
    tag::run(tag, || {
        drop(Content::new(208));
        drop(block);
        assert_ne!(Content::new(208).0, at, "freed to the thread's stock, not to the tag");
    });
    assert_eq!(Content::new(208).0, at, "the block that was freed last");
    assert_eq!(live(tag), (0, 0));
}

#[test]
fn frees_by_any_thread_in_any_tag_count_back() {
    let (own, others) = (named("own"), named("others"));
    let sizes = [16, 500, 20_000, 100_000, 3 * MIB];
    let make = || sizes.into_iter().map(Content::new).collect::<Vec<_>>();
    let (mine, plain) = (tag::run(own, make), make());
    thread::scope(|scope| {
        scope.spawn(|| {
            let (first, rest) = tag::run(others, || {
                let mut mine = mine;
                drop(mine.pop());
                (live(own).1, mine)
            });
            assert_eq!(first, sizes.len() - 1);
            drop(rest);
        });
        scope.spawn(|| tag::run(others, || drop(plain)));
    });
    assert_eq!((live(own), live(others)), ((0, 0), (0, 0)));
    assert_eq!(others.figures().allocated_blocks, 0);
    validate().unwrap();
}

#[test]
fn a_block_that_gets_another_size_counts_where_that_happens() {
    let (one, two) = (named("resize one"), named("resize two"));
    let sizes = [40, 4000, 100_000, 3 * MIB, 9 * MIB, 2000];
    let mut block = tag::run(one, || Content::new(sizes[0]));
    for (number, &size) in sizes[1..].iter().enumerate() {
        let wanted = [Some(two), None, Some(one)][number % 3];
        match wanted {
            Some(tag) => tag::run(tag, || block.resize(size)),
            None => block.resize(size),
        }
        assert_eq!(block.tag(), wanted, "{size}");
        let counts = |tag| if wanted == Some(tag) { (block.bytes(), 1) } else { (0, 0) };
        assert_eq!((live(one), live(two)), (counts(one), counts(two)), "{size}");
    }
    #[cfg(not(feature = "hardened"))]
    {
        // Of the same class.
        let mut block = tag::run(one, || Content::new(200));
        tag::run(two, || block.resize(201));
        assert_eq!(block.tag(), Some(one));
    }
}

#[test]
fn a_large_block_that_grows_in_its_tag_stays_where_it_can_and_counts() {
    let tag = named("grows");
    tag::run(tag, || {
        let mut block = Content::new(3 * MIB);
        for size in [4 * MIB, 6 * MIB, 5 * MIB] {
            block.resize(size);
            assert_eq!(live(tag), (block.bytes(), 1));
        }
    });
    let figures = tag.figures();
    assert_eq!((figures.live_bytes, figures.allocated_blocks), (0, 4));
    assert_eq!(figures.allocated_bytes, 18 * MIB as u64);
}

#[test]
fn all_blocks_are_listed_and_no_others() {
    let (tag, other) = (named("listed"), named("not listed"));
    let mut random = Random(0x1717_1717_1717);
    let mut held = Vec::new();
    for _ in 0..3000 {
        let most = if random.below(50) == 0 { 22 } else { 10 };
        let size = 1 << random.below(most);
        held.push(tag::run(tag, || Content::new(size)));
        let mut others = vec![Content::new(size), tag::run(other, || Content::new(size))];
        others.truncate(random.below(3));
        if random.below(2) == 0 {
            held.swap_remove(random.below(held.len()));
        }
    }
    let wanted = held.iter().map(|block| (block.0, block.bytes())).collect::<BTreeMap<_, _>>();
    assert!(wanted.len() > 1000);
    assert_eq!(blocks(tag), wanted);
    assert_eq!(live(tag), (wanted.values().sum(), wanted.len()));
    drop(held);
    assert_eq!(tag.blocks().count(), 0);
}

#[test]
fn what_is_listed_may_be_freed_meanwhile() {
    let tag = named("freed meanwhile");
    let held = tag::run(tag, || (0..1000).map(|_| Content::new(100)).collect::<Vec<_>>());
    let mut held: BTreeMap<_, _> = held.into_iter().map(|block| (block.0, block)).collect();
    for block in tag.blocks() {
        assert!(held.remove(&block.start).is_some(), "listed twice, or after it was freed");
    }
    assert!(held.is_empty());
}

#[test]
fn an_address_tells_its_tag() {
    let tag = named("address");
    let block = tag::run(tag, || Content::new(100));
    let inside = block.block().wrapping_add(50);
    assert_eq!(tag::of(inside), Some(tag));
    assert_eq!(tag::of(std::ptr::null()), None);
    assert_eq!(tag::of((&raw const tag).cast()), None);
    let found = address::what_is(inside);
    assert_eq!(found.place.unwrap().whose, address::Whose::Tag);
    assert!(found.to_string().contains("50 bytes into a live block of 104 at"), "{found}");
}

#[test]
fn names_are_the_same_tags() {
    let made = at_once(8, || named("the same"));
    assert!(made.iter().all(|&tag| tag == made[0] && tag.name() == "the same"));
    assert_eq!(tag::all().filter(|tag| tag.name() == "the same").count(), 1);
    assert_eq!(Tag::named(""), Err(NoTag::Name));
    assert_eq!(Tag::named(&"x".repeat(65)), Err(NoTag::Name));
    assert_eq!(named(&"x".repeat(64)).name().len(), 64);
    assert_eq!(format!("{:>8}", named("y")), "       y");
}

#[test]
fn a_limit_refuses_with_a_reason_and_nobody_else_hears_of_it() {
    let (tag, other) = (named("limited"), named("not limited"));
    tag.set_limit(Some(MIB)).unwrap();
    let mut held = Vec::new();
    let refused = tag::run(tag, || {
        loop {
            match limit::allocate(1000, 8) {
                Ok(block) => held.push(Content(block.as_ptr().expose_provenance())),
                Err(refused) => break refused,
            }
        }
    });
    let Refused::Tag(exceeded) = refused else { panic!("{refused}") };
    assert_eq!((exceeded.wanted, exceeded.limit), (1000, MIB));
    assert!((900..1049).contains(&held.len()), "{}", held.len());
    tag::run(tag, || {
        assert!(matches!(limit::allocate(100_000, 8), Err(Refused::Tag(_))));
        assert!(matches!(limit::allocate(3 * MIB, 1 << 30), Err(Refused::Tag(_))));
        assert!(tag::run(other, || limit::allocate(100_000, 8)).is_ok());
    });
    assert!(tag.figures().held <= MIB);
    assert!(limit::allocate(1000, 8).is_ok(), "outside");
    let exceeded = tag.set_limit(Some(MIB / 2)).unwrap_err();
    assert_eq!((exceeded.limit, tag.figures().limit), (MIB / 2, Some(MIB)));
    // In other sizes too.
    held.clear();
    tag::run(tag, || assert!(limit::allocate(900_000, 8).is_ok()));
    tag.set_limit(None).unwrap();
    tag::run(tag, || assert!(limit::allocate(9 * MIB, 8).is_ok()));
}

#[test]
fn a_block_that_a_tag_refuses_to_have_grow_is_as_it_was() {
    let tag = named("refuses to grow");
    tag.set_limit(Some(MIB)).unwrap();
    for size in [600, 600_000, 3 * MIB] {
        let block = Content::new(size);
        // SAFETY: it is live, has so many bytes, and is aligned to 8.
        unsafe {
            block.block().write_bytes(5, size);
            let grown = tag::run(tag, || global::reallocate(block.block(), size + 3 * MIB, 8));
            assert!(grown.is_null(), "{size}");
            let bytes = std::slice::from_raw_parts(block.block(), size);
            assert!(bytes.iter().all(|&byte| byte == 5));
        }
        assert_eq!((live(tag), block.tag()), ((0, 0), None));
    }
    // Shrinking is never refused for a large one.
    let mut block = Content::new(9 * MIB);
    tag::run(tag, || block.resize(6 * MIB));
    assert_eq!(block.bytes(), 6 * MIB);
}

#[test]
fn a_hook_is_asked_before_a_refusal_and_may_make_room() {
    static KEPT: Mutex<Vec<Content>> = Mutex::new(Vec::new());
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    fn make_room(wanted: usize) -> bool {
        ASKED.fetch_add(1, Ordering::Relaxed);
        assert!(wanted >= 500_000);
        // Its own requests are refused without a call.
        assert!(global::allocate(900_000, 8).is_null());
        let mut kept = KEPT.lock().unwrap();
        let had_some = !kept.is_empty();
        kept.clear();
        had_some
    }
    let tag = named("hook");
    tag.set_limit(Some(MIB)).unwrap();
    tag.set_hook(Some(make_room));
    tag::run(tag, || {
        KEPT.lock().unwrap().push(Content::new(800_000));
        assert_eq!(ASKED.load(Ordering::Relaxed), 0);
        let block = Content::new(500_000);
        assert_eq!(ASKED.load(Ordering::Relaxed), 1);
        assert!(limit::allocate(600_000, 8).is_err());
        assert_eq!(ASKED.load(Ordering::Relaxed), 2);
        drop(block);
        tag.set_hook(None);
        assert!(limit::allocate(2_000_000, 8).is_err());
        assert_eq!(ASKED.load(Ordering::Relaxed), 2);
    });
}

/// Pending so often, then ready with what `done` returns.
fn pending<T>(times: usize, done: impl Fn() -> T) -> impl Future<Output = T> {
    let mut left = times;
    poll_fn(move |_| {
        if left == 0 {
            return Poll::Ready(done());
        }
        left -= 1;
        Poll::Pending
    })
}

#[test]
fn a_future_is_in_its_tag_wherever_it_is_polled() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (one, two) = (named("future one"), named("future two"));
    let make = |tag| {
        is_send(tag::tagged(tag, async move {
            let mut held = Vec::new();
            for _ in 0..3 {
                held.push(Content::new(100));
                pending(1, || ()).await;
                assert_eq!(tag::current(), Some(tag));
            }
            held
        }))
    };
    let mut futures = [Box::pin(make(one)), Box::pin(make(two))];
    for turn in 1..=3 {
        for future in &mut futures {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    assert!(polled.is_pending());
                    assert_eq!(tag::current(), None);
                });
            });
        }
        assert_eq!((live(one).1, live(two).1), (turn, turn));
    }
    let [mut first, second] = futures;
    let Poll::Ready(held) = first.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it isn't ready")
    };
    drop(second);
    assert_eq!((live(one).1, live(two).1), (3, 0));
    drop(held);
    assert_eq!(live(one), (0, 0));
}

#[test]
fn a_future_is_dropped_in_its_tag_once_it_is_complete_or_given_up() {
    struct Notes(Tag);
    impl Drop for Notes {
        fn drop(&mut self) {
            assert_eq!(tag::current(), Some(self.0));
        }
    }
    let tag = named("dropped");
    let make = |times| {
        let notes = Notes(tag);
        tag::tagged(tag, async move {
            let _notes = notes;
            pending(times, || ()).await;
        })
    };
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(make(0)).poll(&mut context).is_ready());
    assert!(pin!(make(1)).poll(&mut context).is_pending());
    drop(make(1));
    assert_eq!(tag::current(), None);
    let panics = || pin!(tag::tagged(tag, async { panic!("as it should") })).poll(&mut context);
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(tag::current(), None);
}

#[test]
fn the_next_thread_with_the_heap_is_in_no_tag_of_the_last_one() {
    let tag = named("ended");
    for _ in 0..3 {
        let heap_of_thread = thread::spawn(move || {
            assert_eq!(tag::current(), None);
            let plain = Content::new(100);
            assert_eq!(plain.tag(), None);
            std::mem::forget(tag::enter(tag));
            assert_eq!(Content::new(100).tag(), Some(tag));
            address::what_is(plain.block()).place.unwrap().heap
        });
        heap_of_thread.join().unwrap();
    }
    thread::spawn(move || {
        tag::run(named("after"), || ());
        assert_eq!(tag::current(), None);
    })
    .join()
    .unwrap();
    assert_eq!(live(tag), (0, 0));
    validate().unwrap();
}

#[test]
fn a_trim_leaves_a_thread_in_its_tag() {
    let tag = named("trim");
    tag::run(tag, || {
        let block = Content::new(100);
        global::trim();
        assert_eq!(tag::current(), Some(tag));
        let other = Content::new(100);
        assert_eq!((block.tag(), other.tag(), live(tag).1), (Some(tag), Some(tag), 2));
    });
    assert_eq!(tag::current(), None);
}

/// Blocks with their tags.
type Exchanged = Vec<(Content, Option<Tag>)>;

/// Threads that enter and leave tags, and free each other's blocks; each block's tag is known.
#[test]
fn threads_that_exchange_blocks_of_tags_count_right() {
    const THREADS: usize = 4;
    let tags = ["exchange a", "exchange b", "exchange c"].map(named);
    let exchanged: [Mutex<Exchanged>; 8] = std::array::from_fn(|_| Mutex::default());
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let exchanged = &exchanged;
            scope.spawn(move || {
                let mut random = Random((seed as u64 + 1) << 32 | 0x9e37_79b9);
                for _ in 0..3000 {
                    let wanted = tags.get(random.below(tags.len() + 1)).copied();
                    let _entered = wanted.map(tag::enter);
                    let exponent = if random.below(100) == 0 { 22 } else { 12 };
                    let most = 1 << (1 + random.below(exponent));
                    let block = Content::new(1 + random.below(most));
                    assert_eq!(block.tag(), wanted);
                    let mut place = exchanged[random.below(8)].lock().unwrap();
                    let kept = place.len() > 30;
                    place.push((block, wanted));
                    if kept {
                        let number = random.below(place.len());
                        let (block, wanted) = place.swap_remove(number);
                        assert_eq!(block.tag(), wanted);
                        drop(place);
                        drop(block);
                    }
                }
            });
        }
    });
    let held = exchanged.map(|place| place.into_inner().unwrap());
    for tag in tags {
        let of_tag = held.iter().flatten().filter(|(_, wanted)| *wanted == Some(tag));
        let counted = |block: &Content| counted(block, block.bytes() > MAX_CLASS_SIZE);
        let wanted = of_tag.map(|(block, _)| (block.0, counted(block))).collect::<BTreeMap<_, _>>();
        assert!(wanted.len() > 10);
        assert_eq!(blocks(tag), wanted);
        assert_eq!(live(tag), (wanted.values().sum(), wanted.len()));
    }
    drop(held);
    assert_eq!(tags.map(live), [(0, 0); 3]);
    validate().unwrap();
}
