//! The pool.

use std::mem::MaybeUninit;

use stratalloc_pool::{Bare, Checked, Config, Full, Mode, Pool, Spilling, Split, Wide};
use stratalloc_testkit::{Extensions, Watched};

use crate::program::{requests, step};

/// A page, to which the pool's heap is aligned.
#[derive(Clone)]
#[repr(align(4096))]
struct Page(#[expect(dead_code, reason = "read through the slice")] [MaybeUninit<u8>; 4096]);

/// A program on a pool. The first bytes say its mode, its alignment, its heap's length, how many sizes it has, and
/// which; a configuration that it refuses is an answer too.
pub(crate) fn run(data: &[u8]) {
    let Some((&[mode, align, pages, count], rest)) = data.split_first_chunk() else { return };
    let count = usize::from(count % 16);
    let Some((sizes, rest)) = rest.split_at_checked(count * 2) else { return };
    let numbers: Vec<_> = sizes.as_chunks().0.iter().map(|&two| u16::from_le_bytes(two)).collect();
    let sizes: Vec<_> = numbers.iter().map(|&number| usize::from(number) % 4200).collect();
    let weights: Vec<_> = numbers.iter().map(|&number| u32::from(number >> 8)).collect();
    let split = match mode >> 4 {
        0..=3 => Split::Equal,
        4..=7 => Split::Proportional,
        8..=11 => Split::Weights(&weights),
        _ => Split::Counts(&weights),
    };
    let config = Config::new(&sizes).align(1 << (align % 14)).split(split);
    let length = usize::from(pages) * 512 + usize::from(align >> 4);
    let run = match mode % 5 {
        0 => run_with::<Bare>,
        1 => run_with::<Checked>,
        2 => run_with::<Full>,
        3 => run_with::<Spilling<Bare>>,
        _ => run_with::<Wide<Spilling<Full>>>,
    };
    run(&config, length, rest);
}

fn run_with<M: Mode>(config: &Config<'_>, length: usize, data: &[u8]) {
    let mut memory = vec![Page([MaybeUninit::uninit(); 4096]); length / 4096 + 1];
    // SAFETY: the pages are this many bytes at least, and borrowed for as long as the slice.
    let heap = unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), length) };
    let Ok(pool) = Pool::<M>::new(heap, config) else { return };
    let extensions = Extensions::default().owns().usable_size().resize_in_place().free_unsized();
    let mut watched = Watched::with_extensions(&pool, extensions);
    for (count, request) in requests(data).enumerate() {
        step(&mut watched, request, 1);
        if count % 16 == 0 {
            assert_eq!(pool.validate(), Ok(()), "after {count} requests");
        }
    }
    watched.clear().unwrap();
    assert_eq!(pool.validate(), Ok(()));
    let used = pool.iter_stats().filter_map(|stats| Some(stats.counters?.used)).sum::<usize>();
    assert_eq!(used, 0, "all goes back");
}
