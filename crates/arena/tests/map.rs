//! The heap map shows what is there.

#![cfg(not(loom))]

#[path = "common/alone.rs"]
mod alone;

use std::{alloc::Layout, thread};

use alone::alone;
use stratalloc_arena::{ArenaHeap, global, map};
use stratalloc_core::Allocator;

fn picture() -> String {
    let mut picture = String::new();
    map(&mut picture).unwrap();
    picture
}

/// The attributes of what is drawn for arenas with this title.
fn drawn<'a>(picture: &'a str, title: &str) -> Vec<&'a str> {
    let groups = picture.lines().filter(|line| line.starts_with("<g>") && line.contains(title));
    groups.flat_map(|line| line.split("<rect ").skip(1)).collect()
}

#[test]
fn full_and_nearly_empty_segments_differ_and_what_is_freed_fades() {
    let _alone = alone();
    // Partition 2 has segments of 256 KiB: three are full, the fourth has a few blocks. The first slab lies elsewhere.
    let first = if cfg!(feature = "checked") { 0 } else { (64 << 10) / 240 };
    let heap = ArenaHeap::new().unwrap();
    let layout = Layout::from_size_align(240, 8).unwrap();
    let blocks: Vec<_> =
        (0..first + 3 * 1092 + 20).map(|_| heap.allocate(layout).unwrap()).collect();
    let before = picture();
    let mut bars = drawn(&before, "blocks of 240<");
    if first != 0 {
        assert!(bars.remove(0).contains(" f6\""), "{bars:?}");
    }
    assert_eq!(bars.len(), 2, "{bars:?}");
    assert!(bars[0].contains("height=\"9\" class=\"c") && bars[0].contains(" f6\""), "{bars:?}");
    assert!(bars[1].contains("height=\"3\"") && bars[1].contains(" f1\""), "{bars:?}");
    assert!(before.contains("an arena heap"));

    for block in blocks {
        // SAFETY: live; freed once.
        unsafe { heap.deallocate(block.cast(), layout) };
    }
    let after = picture();
    let bars = drawn(&after, "kept for the next use<");
    assert!(bars.iter().any(|bar| bar.contains("class=\"v\"")), "{bars:?}");
    let bars = drawn(&after, "blocks of 240<");
    assert!(bars.iter().all(|bar| !bar.contains(" f6\"")), "{bars:?}");
}

#[test]
fn large_blocks_are_bars_and_the_page_is_whole() {
    let _alone = alone();
    let block = global::allocate(3 << 20, 8);
    thread::spawn(|| {
        let page = picture();
        assert!(drawn(&page, "large blocks<").iter().any(|bar| bar.contains("class=\"l f6\"")));
        assert_eq!(page.matches("<svg ").count(), 1);
        assert_eq!(page.matches("class=\"s\"").count() % 8, 0);
        assert_eq!(page.matches("<g>").count(), page.matches("</g>").count());
    })
    .join()
    .unwrap();
    // SAFETY: live; freed once.
    unsafe { global::deallocate(block) };
}
