//! The writer of the gauges of a process.

use core::{
    cell::UnsafeCell,
    ffi::CStr,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use stratalloc_core::ProviderError;

use crate::{
    books::area::Books,
    heap::{Heap, pools::Pools},
    inspect::{
        census::Census,
        gauges::{
            layout::{Frame, Gauges, HeapGauges, MAGIC, VERSION, put},
            sequence,
        },
        stats::Stats,
    },
    plan::geometry::{AREA_SIZE, ARENAS, ArenaPlace, PARTITIONS, Partition},
    process::{arena_heaps, heaps},
    sys::{self, lock::Mark, shared_file},
    thresholds::GAUGES_PERIOD,
};

/// What writes the gauges of a process: it stays as long as that.
///
/// # Invariants
///
/// - [WRITER-1: turn] The census is touched by the thread that began the frame which is being written.
pub(super) struct Writer {
    to: &'static Gauges<AtomicU64>,
    /// The process that made the file: the child of a fork has the mapping too, and leaves it alone.
    process: i32,
    /// When a frame was last begun, in milliseconds of the system's clock. A figure, which orders nothing.
    begun_at: AtomicU64,
    census: UnsafeCell<Census>,
}

// SAFETY: [WRITER-1: turn] one thread at a time touches the census.
unsafe impl Sync for Writer {}

impl Writer {
    /// Makes the file, and what writes it, which are never given back.
    pub(super) fn create(path: &CStr) -> Result<NonNull<Self>, ProviderError> {
        let own = sys::map(size_of::<Self>())?.cast::<Self>();
        let file = shared_file::create(path, size_of::<Gauges<AtomicU64>>());
        let file = file.inspect_err(|_| {
            // SAFETY: just mapped, and not used.
            unsafe { sys::unmap(own.cast(), sys::round_to_pages(size_of::<Self>())) };
        })?;
        // SAFETY: the file is as large, at a page's start; zeroes are gauges without a frame. It is mapped for as long as
        // the process.
        let to: &Gauges<AtomicU64> = unsafe { file.cast().as_ref() };
        let process = sys::process();
        // SAFETY: just mapped, as large, and nobody else knows of it.
        unsafe {
            let (begun_at, census) = (AtomicU64::new(0), UnsafeCell::new(Census::default()));
            own.write(Self { to, process, begun_at, census });
        }
        put(&to.version, VERSION as usize);
        put(&to.size, size_of::<Gauges<AtomicU64>>());
        put(&to.process, process.unsigned_abs() as usize);
        put(&to.period, GAUGES_PERIOD as usize);
        put(&to.magic, MAGIC as usize);
        Ok(own)
    }

    /// Writes a frame if the newest is old enough. For slow paths, while the calling thread holds no lock.
    pub(super) fn write_if_due(&self, mark: Mark) {
        let last = self.begun_at.load(Ordering::Relaxed);
        if sys::milliseconds() >= last + GAUGES_PERIOD {
            self.write(mark);
        }
    }

    /// Writes a frame, unless another thread does; never in another process.
    pub(super) fn write(&self, mark: Mark) {
        if sys::process() != self.process {
            return;
        }
        let Some(number) = sequence::begin(&self.to.sequence) else { return };
        self.begun_at.store(sys::milliseconds(), Ordering::Relaxed);
        // SAFETY: [WRITER-1: turn] this thread began the frame.
        let census = unsafe { &mut *self.census.get() };
        fill(&self.to.frames[sequence::room(number)], census, mark);
        sequence::end(&self.to.sequence, number);
    }
}

/// Fills a frame. O(arenas and segments in use) of all heaps, one after another under its lock.
fn fill(frame: &Frame<AtomicU64>, census: &mut Census, mark: Mark) {
    census.clear();
    let mut count = 0;
    let mut add = |heap: &Heap, kind| {
        let mut pools = heap.pools(mark);
        census.add(&mut pools);
        if let Some(gauges) = frame.of_heaps.get(count) {
            put(&gauges.kind, kind);
            gauges.set(heap, &mut pools);
        }
        count += 1;
    };
    heaps::of_threads(0).for_each(|heap| add(heap, 1));
    arena_heaps::each(mark, |heap| add(heap, 2));
    census.finish();
    put(&frame.heaps, count);
    frame.of_heaps.iter().skip(count).for_each(|gauges| put(&gauges.kind, 0));
    frame.set(census);
}

impl Frame<AtomicU64> {
    fn set(&self, census: &Census) {
        let Census { totals, events, .. } = census;
        self.at.store(sys::milliseconds(), Ordering::Relaxed);
        put(&self.touched, totals.touched);
        put(&self.in_use, totals.in_use);
        put(&self.vacant, totals.vacant);
        put(&self.trimmable, totals.trimmable);
        put(&self.huge, totals.huge);
        put(&self.huge_blocks, totals.huge_blocks);
        put(&self.areas, totals.areas);
        put(&self.held, totals.held);
        put(&self.limit, totals.limit.unwrap_or(usize::MAX));
        put(&self.peak_in_use, events.peak_in_use);
        self.purges.store(events.purges, Ordering::Relaxed);
        self.purged.store(events.purged, Ordering::Relaxed);
        self.minor_faults.store(events.minor_faults, Ordering::Relaxed);
        self.major_faults.store(events.major_faults, Ordering::Relaxed);
        for (gauges, figures) in self.of_partitions.iter().zip(&census.partitions) {
            gauges.set(figures);
        }
        for (gauges, figures) in self.of_classes.iter().zip(&census.classes) {
            gauges.set(figures);
        }
    }
}

impl HeapGauges<AtomicU64> {
    fn set(&self, heap: &Heap, pools: &mut Pools) {
        put(&self.address, core::ptr::from_ref(heap).addr() & !(AREA_SIZE - 1));
        put(&self.in_use, pools.figures.used());
        put(&self.kept, pools.figures.dirty());
        put(&self.stock, heap.stock());
        let mut sums = [(0, 0); PARTITIONS];
        // The first area comes last, so that the map is its own in the end.
        pools.each_area(|books| {
            for (partition, sum) in Partition::all().zip(&mut sums) {
                self.set_map(books, partition, sum);
            }
        });
        for (partition, (touched, in_use)) in sums.into_iter().enumerate() {
            put(&self.touched_of[partition], touched);
            put(&self.in_use_of[partition], in_use);
        }
    }

    /// Sets a partition's words of the map, and adds what it has touched and in use.
    fn set_map(&self, books: &mut Books, partition: Partition, sum: &mut (usize, usize)) {
        let words = self.map.chunks_exact(ARENAS / 8).nth(partition.number());
        for (number, word) in words.into_iter().flatten().enumerate() {
            let mut levels = [0; 8];
            for (arena, byte) in (number * 8..).zip(&mut levels) {
                let mut stats = Stats::default();
                stats.add_arena(books, ArenaPlace { partition, arena });
                *byte = level(&stats);
                *sum = (sum.0 + stats.touched, sum.1 + stats.in_use);
            }
            word.store(u64::from_le_bytes(levels), Ordering::Relaxed);
        }
    }
}

/// An arena's byte in a map.
fn level(stats: &Stats) -> u8 {
    match stats.touched {
        0 => 0,
        touched => 1 + (stats.in_use * 254 / touched).min(254) as u8,
    }
}
