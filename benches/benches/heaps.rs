//! Allocators of any size in a heap of their own, operation by operation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use criterion::{Criterion, criterion_group, criterion_main};
use stratalloc_core::Allocator;
use stratalloc_heap::NoBase;
use stratalloc_pool::{Config, Full, Mode, Pool, Split, Wide};

/// Bytes in every heap.
const HEAP: usize = 4 << 20;

/// Live blocks of the replacing workload.
const LIVE: usize = 1_000;

/// What every heap can do. Each block is freed on the heap that allocated it, with its layout.
trait Heap {
    fn allocate(&mut self, layout: Layout) -> NonNull<u8>;
    fn free(&mut self, block: NonNull<u8>, layout: Layout);
}

criterion_group!(benches, pair, replace);
criterion_main!(benches);

fn memory() -> &'static mut [MaybeUninit<u8>] {
    Box::leak(Box::new_uninit_slice(HEAP))
}

/// Makes a type a `Heap` by its own two functions.
macro_rules! heap {
    ([$($generics:tt)*] $heap:ty, |$self:ident, $layout:ident| $allocate:expr, |$block:ident| $free:expr) => {
        impl<$($generics)*> Heap for $heap {
            fn allocate(&mut $self, $layout: Layout) -> NonNull<u8> {
                // SAFETY: sizes here are not zero, and heaps were given memory before.
                #[allow(unused_unsafe, reason = "some of them are safe to ask")]
                unsafe { $allocate }.expect("the heap has room")
            }

            fn free(&mut $self, $block: NonNull<u8>, $layout: Layout) {
                let _ = $layout;
                // SAFETY: the block came from this heap with this layout, and is freed once.
                unsafe { $free };
            }
        }
    };
}

heap!([M: Mode] Pool<'_, M>, |self, layout| Allocator::allocate(self, layout).ok().map(NonNull::cast),
    |block| Allocator::deallocate(self, block, layout));
heap!([] stratalloc_heap::Heap<NoBase>, |self, layout| Allocator::allocate(self, layout).ok().map(NonNull::cast),
    |block| Allocator::deallocate(self, block, layout));
heap!([] System, |self, layout| NonNull::new(self.alloc(layout)), |block| self.dealloc(block.as_ptr(), layout));
heap!([] dlmalloc::Dlmalloc, |self, layout| NonNull::new(self.malloc(layout.size(), layout.align())),
    |block| self.free(block.as_ptr(), layout.size(), layout.align()));
heap!([] talc::base::Talc<talc::source::Manual, talc::DefaultBinning>, |self, layout| Self::allocate(self, layout),
    |block| self.deallocate(block.as_ptr(), layout));
heap!([] linked_list_allocator::Heap, |self, layout| self.allocate_first_fit(layout).ok(),
    |block| self.deallocate(block, layout));
heap!([] buddy_system_allocator::Heap<32>, |self, layout| self.alloc(layout).ok(), |block| self.dealloc(block, layout));
heap!([] good_memory_allocator::Allocator, |self, layout| NonNull::new(self.alloc(layout)),
    |block| self.dealloc(block.as_ptr()));
heap!([] Tlsf, |self, layout| self.allocate(layout), |block| self.deallocate(block, layout.align()));

type Tlsf = rlsf::Tlsf<'static, u32, u32, 24, 16>;

/// Every heap, ready to use.
fn heaps() -> Vec<(&'static str, Box<dyn Heap>)> {
    let config = Config::new(&[16, 32, 64, 128, 256, 512, 1024]).split(Split::Proportional);
    let mut tlsf = Tlsf::new();
    tlsf.insert_free_block(memory());
    let mut talc = talc::base::Talc::<_, talc::DefaultBinning>::new(talc::source::Manual);
    let mut buddy = buddy_system_allocator::Heap::<32>::empty();
    let own = stratalloc_heap::Heap::<NoBase>::new(NoBase);
    let mut good = good_memory_allocator::Allocator::empty();
    // SAFETY: each gets memory of its own that lives as long as the process.
    unsafe {
        talc.claim(memory().as_mut_ptr().cast(), HEAP).expect("the heap is large enough");
        buddy.init(memory().as_mut_ptr().addr(), HEAP);
        good.init(memory().as_mut_ptr().addr(), HEAP);
        assert!(own.add_region(NonNull::from(memory()).cast(), HEAP), "the heap is large enough");
    }
    vec![
        (
            "stratalloc-pool",
            Box::new(Pool::<Wide<Full>>::new(memory(), &config).expect("sizes that fit")),
        ),
        (
            "stratalloc-pool bare",
            Box::new(Pool::<Wide>::new(memory(), &config).expect("sizes that fit")),
        ),
        ("stratalloc-heap", Box::new(own)),
        ("talc", Box::new(talc)),
        ("rlsf", Box::new(tlsf)),
        ("dlmalloc", Box::new(dlmalloc::Dlmalloc::new())),
        ("good_memory_allocator", Box::new(good)),
        ("buddy_system_allocator", Box::new(buddy)),
        ("linked_list_allocator", Box::new(linked_list_allocator::Heap::from_slice(memory()))),
        ("system", Box::new(System)),
    ]
}

fn pair(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("heap/allocate and free 64 bytes");
    let layout = Layout::from_size_align(64, 8).expect("a valid layout");
    for (name, mut heap) in heaps() {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let block = heap.allocate(black_box(layout));
                heap.free(black_box(block), layout);
            });
        });
    }
    group.finish();
}

fn replace(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("heap/replace one of 1,000 of 8 to 1,024 bytes");
    for (name, mut heap) in heaps() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut layout =
            move || Layout::from_size_align(rng.usize(8..=1024), 8).expect("a valid layout");
        let mut live: Vec<_> =
            (0..LIVE).map(|_| layout()).map(|layout| (heap.allocate(layout), layout)).collect();
        let mut next = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                // A stride that visits every slot, in an order that is not that of allocation.
                next = (next + 387) % LIVE;
                let (old, old_layout) = live[next];
                heap.free(old, old_layout);
                let layout = layout();
                live[next] = (heap.allocate(layout), layout);
            });
        });
    }
    group.finish();
}
