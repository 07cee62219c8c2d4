//! Huge pages: asked for where much is held, not where little is or nobody wants them.

#![cfg(not(any(loom, asan, tsan)))]

#[path = "common/huge.rs"]
mod huge;
#[path = "common/level.rs"]
mod level;

use huge::{asked_for, knows_them};
use level::HARDENED;
use stratalloc_arena::{Config, global, limit};

fn allocate(size: usize, count: usize) -> Vec<*mut u8> {
    let blocks: Vec<_> = (0..count).map(|_| global::allocate(size, 8)).collect();
    assert!(blocks.iter().all(|block| !block.is_null()));
    blocks
}

/// One test, since the choice is the process's, and memory that is usable already stays as it is.
#[test]
fn huge_pages_are_asked_for_where_much_is_held() {
    let knows_them = knows_them();
    // Classes of one row.
    let mut blocks: Vec<_> =
        [80, 96, 112, 128].into_iter().flat_map(|size| allocate(size, (10 << 20) / size)).collect();
    assert_eq!(asked_for(), 0, "classes that may leave much unused");
    blocks.extend(allocate(64, (24 << 20) / 64));
    assert_eq!(asked_for() > 0, knows_them, "much is of one class");
    let asked = asked_for();
    Config::new().huge_pages(false).apply().unwrap();
    blocks.extend(allocate(48, 1 << 20));
    assert_eq!(asked_for(), asked, "nobody wants them");
    limit::set(Some(1 << 30)).unwrap();
    blocks.extend(allocate(100, 1 << 18));
    assert_eq!(asked_for(), asked, "a limit can't count them");
    Config::new().apply().unwrap();
    blocks.extend(allocate(200, 1000));
    assert_eq!(asked_for() > asked, knows_them, "much is held");
    let asked = asked_for();
    blocks.extend(allocate(5 << 20, 1));
    assert_eq!(asked_for(), asked, "a block that may leave much unused");
    let sparse = global::allocate_zeroed(40 << 20, 8);
    assert!(!sparse.is_null());
    blocks.push(sparse);
    assert_eq!(asked_for(), asked, "a block most of which may never be touched");
    // Some may have been slow: as if none had.
    Config::new().apply().unwrap();
    blocks.extend(allocate(20 << 20, 1));
    let are_wanted = knows_them && !HARDENED;
    assert_eq!(asked_for() > asked, are_wanted, "a large block, or its first page if that is slow");
    for block in blocks {
        // SAFETY: each is freed once.
        unsafe { global::deallocate(block) };
    }
}
