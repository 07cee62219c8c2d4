//! The combinators, through the conformance suite and under failing bases.

use std::alloc::Layout;

use stratalloc_compose::{Counted, Fallback, Segregate};
use stratalloc_core::{Allocator, Owns, Stats};
use stratalloc_testkit::{
    Faulty, Plan, SLOT, Slots, Suite, System, Violation, Watched, each_failure,
};

/// Slots with another allocator behind them.
fn before<B>(slots: usize, secondary: B) -> Fallback<Slots, B> {
    // SAFETY: all secondaries here have their memory from the system.
    unsafe { Fallback::new(Slots::new(slots), secondary) }
}

fn system() -> Faulty<System> {
    Faulty::new(System, Plan::Never)
}

#[test]
fn fallback_conforms_with_every_extension() {
    Suite::new(|| before(20, Slots::new(30)))
        .max_size(SLOT)
        .max_align(SLOT)
        .bounded()
        .owns()
        .usable_size()
        .resize_in_place()
        .free_unsized()
        .run();
}

#[test]
fn fallback_conforms_over_an_unbounded_secondary() {
    let base = system();
    Suite::new(|| before(20, &base)).max_size(40_000).max_align(4096).run();
    base.assert_all_released();
}

#[test]
fn fallback_moves_a_block_to_the_secondary_and_back_to_nobody_else() -> Result<(), Violation> {
    let base = system();
    let both = before(1, &base);
    let mut watched = Watched::new(&both);
    let small = Layout::new::<[u8; 8]>();
    assert!(watched.allocate(small, false)?);
    assert_eq!(base.live_count(), 0);
    assert!(watched.resize(0, Layout::new::<[u8; 200]>(), true)?);
    assert_eq!(base.live_count(), 1, "too large for a slot");
    assert!(watched.allocate(small, false)?);
    assert_eq!(base.live_count(), 1, "the slot is free again");
    assert!(watched.allocate(small, false)?);
    assert_eq!(base.live_count(), 2);
    watched.clear()?;
    base.assert_all_released();
    Ok(())
}

#[test]
fn fallback_gives_an_empty_block_another_chance_when_it_grows() -> Result<(), Violation> {
    let base = system();
    let both = before(1, Counted::new(&base));
    let mut watched = Watched::new(&both);
    for zeroed in [false, true] {
        assert!(watched.allocate(Layout::new::<()>(), false)?);
        assert!(!both.primary().owns(watched.live()[0].start()));
        assert!(watched.resize(0, Layout::new::<u64>(), zeroed)?);
        assert!(both.primary().owns(watched.live()[0].start()));
        assert!(watched.resize(0, Layout::new::<()>(), false)?);
        assert!(!both.primary().owns(watched.live()[0].start()));
        watched.clear()?;
    }
    assert_eq!(both.secondary().stats().resizes, 0);
    Ok(())
}

#[test]
fn fallback_lets_the_secondary_resize_its_own() -> Result<(), Violation> {
    let both = before(1, Counted::new(System));
    let mut watched = Watched::new(&both);
    assert!(watched.allocate(Layout::new::<[u8; 100]>(), false)?);
    assert!(watched.resize(0, Layout::new::<[u8; 300]>(), false)?);
    assert!(watched.resize(0, Layout::new::<[u8; 400]>(), true)?);
    assert!(watched.resize(0, Layout::new::<[u8; 200]>(), false)?);
    assert_eq!(both.secondary().stats().resizes, 3);
    watched.clear()
}

#[test]
fn segregate_conforms_and_each_block_goes_back_to_its_own() {
    let (small, large) = (system(), system());
    for threshold in [0, 1, 64, 1000] {
        Suite::new(|| Segregate::new(threshold, &small, &large)).max_size(40_000).run();
    }
    Suite::new(|| Segregate::new(SLOT, Slots::new(200), &large))
        .max_size(40_000)
        .serves(|layout| layout.size() > SLOT || layout.align() <= SLOT)
        .run();
    small.assert_all_released();
    large.assert_all_released();
}

#[test]
fn segregate_caps_small_blocks_at_the_threshold() {
    let both = Segregate::new(40, Slots::new(1), System);
    let layout = Layout::new::<[u8; 8]>();
    let block = both.allocate(layout).unwrap();
    assert_eq!(block.len(), 40, "a slot has 64, but a layout of 41 bytes is a large one's");
    // SAFETY: allocated just so.
    unsafe { both.deallocate(block.cast(), layout) };
}

#[test]
fn segregate_keeps_a_block_whole_when_the_other_side_refuses() {
    each_failure(
        || System,
        |base| {
            let both = Segregate::new(64, base, base);
            let mut watched = Watched::new(&both);
            for size in [8, 64, 65, 1000, 64, 65, 8] {
                let layout = Layout::from_size_align(size, 8).unwrap();
                if watched.live().is_empty() {
                    watched.allocate(layout, true).unwrap();
                } else {
                    watched.resize(0, layout, true).unwrap();
                }
            }
            watched.clear().unwrap();
        },
    );
}

#[test]
fn counted_conforms_and_its_sums_come_out_even() {
    let base = system();
    let counted = Counted::new(&base);
    Suite::new(|| &counted).max_size(40_000).max_align(4096).threads().run();
    let stats = counted.stats();
    assert_eq!((stats.live_blocks(), stats.live_bytes), (0, 0));
    assert_eq!(stats.allocations, stats.deallocations);
    assert!(stats.resizes > 0 && stats.peak_bytes >= 40_000);
    base.assert_all_released();
    let roomy = Counted::new(Slots::new(250));
    Suite::new(|| &roomy).max_size(SLOT).max_align(SLOT).run();
    assert_eq!(roomy.stats().live_bytes, 0, "though every block has 64 bytes");
}

#[test]
fn counted_counts_what_is_asked_for() {
    let counted = Counted::new(Slots::new(2));
    let mut watched = Watched::new(&counted);
    for size in [10, 20, 30, 100] {
        let _ = watched.allocate(Layout::from_size_align(size, 1).unwrap(), false).unwrap();
    }
    assert!(watched.resize(0, Layout::new::<[u8; 5]>(), false).is_ok());
    let stats = counted.stats();
    assert_eq!((stats.allocations, stats.failures, stats.live_blocks()), (2, 2 + 1, 2));
    assert_eq!((stats.live_bytes, stats.peak_bytes), (30, 30));
    watched.clear().unwrap();
    assert_eq!(counted.stats().deallocations, 2);
}
