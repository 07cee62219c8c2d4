//! Every number by which the arenas decide, with its reason and its measured price.
//!
//! Numbers that follow from the geometry are in `plan`; a program's choices are in [`Config`](crate::Config), whose
//! defaults are here. Sizes are in bytes, times in milliseconds.

use core::ops::RangeInclusive;

// What is kept.

/// All heaps together may keep so much in any case, unless chosen otherwise.
pub(crate) const KEEP_DEFAULT: usize = 32 << 20;
/// Beyond that, they may keep so many hundredths of what is in use, unless chosen otherwise. With all of it, four threads
/// with 256 MiB of small blocks, whose sizes change from time to time, held up to 3.2 times what lived; with a quarter, 2.0
/// times that, at fewer page faults.
pub(crate) const SHARE_DEFAULT: usize = 25;
/// Of the first [`KEEP_DEFAULT`] bytes in use, so many times that share: small programs' use rises and falls by all of it.
/// Two threads with 32 MiB in blocks of 64 KiB to 4 MiB had a quarter more page faults without.
pub(crate) const SHARE_TIMES: usize = 4;
/// Memory that serves nothing is kept for so long at most, unless chosen otherwise: as long as other allocators keep it.
/// A look costs some microseconds a heap, and comes twice in that time.
pub(crate) const DECAY_DEFAULT: u64 = 10_000;
/// The least that a heap at work may keep, from where many share [`KEEP_DEFAULT`] to where few do: less isn't worth a
/// system call. With 1 MiB for each of 512, half a gigabyte stayed.
pub(crate) const HEAP_MINIMUM: RangeInclusive<usize> = 64 << 10..=1 << 20;
/// A heap that found less to give back than it wanted frees this part of what it has in use before it looks again: so
/// much that looking through all slabs is rare.
pub(crate) const PATIENCE: usize = 8;
/// Of that share, this part may be memory of whole blocks, which any of them can have: a cache of buffers of 3 to 20 MB
/// held 1.59 times what lived in it.
pub(crate) const WHOLE_PART: usize = 8;
/// They may have [`KEEP_DEFAULT`] twice, less this part of that share: where 32 MiB are in use in blocks of 64 KiB to 4 MiB,
/// they had half as many page faults again without.
pub(crate) const WHOLE_PART_AGAIN: usize = 2;
/// The memory of a freed whole block will serve again within this time where blocks of megabytes are replaced, and
/// so often the usual share of use may be kept for that: among 20 blocks of 5 to 25 MiB, a third of the page faults
/// were for memory given back a moment before.
pub(crate) const GRACE: u32 = 300;
pub(crate) const GRACE_TIMES: usize = 8;
/// A heap that gave memory back will want it again within this time, if it does so in rounds.
pub(crate) const ROUND: u64 = 5000;
/// Rounds after which a heap is taken to go on like that, and may hold as much as it had in use: the memory
/// would be faulted in each time.
pub(crate) const ROUNDS: u8 = 2;
/// Use rises in one go if no more than this part of its rise is allocated besides. In a cache whose use wanders several times
/// as much is, and what it will have at its next peak isn't worth keeping.
pub(crate) const STEEP: u64 = 4;
/// About the size of a heap's books in use: those of a thread that used blocks to 300 bytes and a large one had 128 KiB.
pub(crate) const BOOKS: usize = 128 << 10;

// What is given back.

/// A shrunk block gives a tail of at least so much back to the system: a call costs as much as to fault in some ten
/// pages.
pub(crate) const WORTH_PURGING_TAIL: usize = 256 << 10;
/// The same of a block that shrinks to half or less: it won't grow again soon. What is left of its last segment is 32 KiB on
/// average, or more; 500 vectors of 64 KiB to 1 MiB, shrunk to a tenth, held 1.57 times what lived in them.
pub(crate) const WORTH_PURGING_REST: usize = 16 << 10;
/// A stretch of free blocks is given back if it covers pages of so much, where only the excess has to go.
pub(crate) const WORTH_PURGING_STRETCH: usize = 8 << 10;
/// A slab is looked through for such stretches if this part of it was freed since the last time; but not while as
/// much is freed from one look to the next, so many milliseconds later at least: it will be empty soon. Two threads
/// that freed 16 million blocks in random order made 438,000 calls for stretches of slabs.
pub(crate) const WORTH_PURGING_SLAB: usize = 16;
pub(crate) const REST: u64 = 250;
/// A heap shrinks if more than this part of what it holds is freed in a `REST`. The next look then comes once so much
/// was freed that every slab shows whether it shrinks with the rest, twice what makes it worth a look. By the time
/// alone, the same program made 209,000 calls on a machine so busy that a twentieth was freed in a `REST`.
pub(crate) const SHRINKS: usize = 64;
pub(crate) const SHRUNK: usize = WORTH_PURGING_SLAB / 2;
/// A heap looks for stacks that are idle once so much was taken from its slabs: more than fills the stacks of a
/// partition by half, so that refilling those that weren't idle after all leads to no further look.
pub(crate) const WORTH_LOOKING: usize = 2 << 20;
/// So much memory behind a segment is worth a new slab there. With an eighth of a segment, up to 512 KiB, eight threads with
/// bursts of one size after another had 68,000 page faults instead of 19,000.
pub(crate) const WORTH_TURNING: usize = 16 << 10;
/// A slab of another bin that serves nothing is vacated if so much of it was used: to fill that bin's stack again costs some
/// thousand instructions, about as much as two or four page faults.
pub(crate) const WORTH_VACATING: usize = 8 << 10;
/// So much free in another slab of a bin is worth turning to that: with a single free block, most refills would come from
/// several slabs. With 16 KiB, a class that outgrew its first slab left a quarter of that unused.
pub(crate) const WORTH_RETURNING: usize = 4 << 10;
/// As the slabs of a heap grow by so much, as much goes back that freed blocks of more than 2 MiB left. `sqlite3` with a table
/// in memory, whose strings grew to megabytes before its pages did, held 26.2 MB and now 19.2, at as many page faults.
pub(crate) const WORTH_GIVING: u32 = 1 << 20;
/// A zeroed block of at least so many bytes is looked at as it is freed, at so many places: where most of them are zero, its
/// memory goes back. Tables of 2 MiB with a page touched in each had 10 pages the second time, since others' were cleared.
pub(crate) const WORTH_LOOKING_AT: usize = 512 << 10;
pub(crate) const LOOKS: usize = 8;
/// Freed large blocks of the hardened build keep their memory up to this size: it is cleared for the next, where new pages
/// would be faulted in.
pub(crate) const MOST_CLEARED: usize = 2 << 20;
/// A block at the place of one that was longer keeps memory of that locked behind its end, up to this part of its own, or as
/// much as its own if it grows: to grow over it, and for whoever comes next.
pub(crate) const SPARE_SHARE: usize = 4;
/// So many of the last of them are looked at for one of about the size that is wanted.
pub(crate) const KEPT_RUNS: usize = 16;
/// The places of so many large blocks that were freed last are looked at for one of just the size that is wanted, in the other
/// builds: a look takes some 50 instructions where there is none, and spares a thousand where there is one.
pub(crate) const LAST_FREED: usize = 8;
/// Whether freed blocks may be looked into: not where a tool watches who does.
pub(crate) const LOOKS_INTO_FREED: bool = !cfg!(any(asan, feature = "unlooked"));
/// Whether a free leaves a key in the block, by which a second one is noticed: where C programs free, but not where the books
/// know it, nor where blocks may not be looked into.
pub(crate) const LEAVES_KEYS: bool = LOOKS_INTO_FREED
    && cfg!(all(feature = "libc-malloc", not(any(miri, feature = "fast", feature = "checked"))));
/// Blocks up to so many bytes get keys. Blocks of 16 KiB that a program never touched were faulted in by them.
pub(crate) const KEYED: usize = 1024;
/// So much free memory a heap keeps of such blocks all the same. Zeroed buffers of up to 2 MiB, one after another, had 110
/// page faults each; 2 GiB of tables have half a page each more.
pub(crate) const KEPT_OF_ZEROED: usize = 4 << 20;
/// So large a block is zeroed by giving its memory back: much of it may not be touched for a long time.
pub(crate) const WORTH_PURGING_ZEROES: usize = 32 << 20;

// Which request gets a freed block's place, in the hardened build.

/// A freed block takes the place of one of so many of the newest of its thread's stock at random. The more,
/// the more of the stock is used in turn, and leaves the processor's nearest cache.
pub(crate) const RANDOM_PLACES: usize = 16;

// What waits, in the paranoid build.

/// A freed block takes one of so many places of its thread's quarantine at random, and then waits for so many others.
/// The more, the longer a block waits before it can be handed out again, and the more of them are out of the processor's
/// caches by then.
pub(crate) const QUARANTINE_SHELF: usize = 256;
pub(crate) const QUARANTINE_QUEUE: usize = 768;
/// So many bytes wait there at most: 32 of the largest blocks.
pub(crate) const QUARANTINE_BYTES: usize = 1 << 20;

/// A heap that holds so much has more books than the processor's nearer caches: what blocks that are given back have there is
/// fetched for all of them at once, in about 40 instructions for each that lies in another slab than the one before it. 512 MiB
/// of blocks of 48 bytes, freed in random order, waited for that in a quarter of their time.
pub(crate) const WORTH_FETCHING: usize = 64 << 20;

// What becomes usable at once.

/// The least and the most of a slab that is made usable at once: each such step is a call, and memory ahead of use counts against a limit on the address
/// space.
pub(crate) const STEP: RangeInclusive<usize> = 32 << 10..=4 << 20;
/// The least among the first slabs of a thread, unless address space is limited: each call takes as long as two page faults or
/// three, and 400 threads with 50 blocks each took 361 ms with 32 KiB, and 191 so.
pub(crate) const FIRST_STEP: usize = 512 << 10;
/// Between these, a heap's step is this part of what it holds.
pub(crate) const STEP_SHARE: usize = 16;
/// For so long after the system refused memory, none is made usable ahead: what it has is left to other requests.
pub(crate) const RESTRAINT: u64 = 1000;
/// With so many stretches of usable memory, a quarter of the mappings that a process may have is taken. From there on steps are
/// long, which uses up a limit on the address space: at half as many, 300 threads with blocks of 24 classes each took all of
/// 750 MB, and no room was left for the next thread's stack.
pub(crate) const MANY_STRETCHES: usize = 16_384;

// Where small blocks go.

/// The first slab of a class lies beside those of others, in a segment of 64 KiB, if its blocks are no larger. With larger ones,
/// a heap with 12 blocks of each of 13 sizes, all replaced in rounds, had 400 KiB more that served nothing, for which the
/// decay took an arena of 5 MiB that served.
pub(crate) const FIRST_MOST: usize = 8 << 10;
/// Such a slab has so many bytes, but all of its segment where blocks are no larger than [`FIRST_WHOLE`]: what a class that goes
/// on elsewhere has there is mostly in use then. With 64 KiB each, batches of blocks of 8 to 1,024 bytes held a tenth more.
pub(crate) const FIRST_SLAB: usize = 16 << 10;
/// Classes that small are rarely many blocks more than a segment holds.
pub(crate) const FIRST_WHOLE: usize = 512;

// Huge pages.

/// A huge page, on most machines.
pub(crate) const HUGE_PAGE: usize = 2 << 20;
/// A heap's segments come in huge pages once it holds so many times what one slab may leave unused of them, and so
/// much in all: from 16 MiB on they cost programs of some dozens of them a fifth of their memory.
pub(crate) const HUGE_SHARE: usize = 32;
pub(crate) const HUGE_HELD: usize = 32 * HUGE_PAGE;
/// The same where one class alone has so many times what one of its slabs may leave unused of them.
pub(crate) const HUGE_SHARE_OF_CLASS: usize = 8;
/// A huge page that takes more than so many nanoseconds to fault in is slow: the small pages in its place take about a
/// millisecond. Most huge ones take 0.1 to 0.5; where the system has to compact memory for one, or a virtual machine's host
/// has to find it, 4 to 16, and 512 MiB of small blocks took 2.4 s in the system instead of 0.1.
pub(crate) const SLOW_HUGE_PAGE: u64 = 2_000_000;
/// After so many slow ones in a row, none are asked for, for so many milliseconds. One or two may be another thread's turn
/// on the processor, which one fault in fifteen meets on a busy machine.
pub(crate) const SLOW_IN_A_ROW: u32 = 3;
pub(crate) const HUGE_PAUSE: u64 = 5000;
/// The least large block to come in huge pages, and what its heap holds at least, the block among it: a program may
/// touch little at either end of a buffer.
pub(crate) const HUGE_BLOCK: usize = 4 * HUGE_PAGE;
pub(crate) const HUGE_BLOCK_HELD: usize = 8 * HUGE_PAGE;
/// The same where those that were freed of late were filled. Smaller ones would fill their last segments too: a cache of buffers
/// of 70 to 140 KB held 1.44 times what lived in it instead of 1.25.
pub(crate) const HUGE_FILLED: usize = HUGE_PAGE / 4;
pub(crate) const HUGE_FILLED_HELD: usize = 4 * HUGE_PAGE;
/// While freed blocks were filled, one in so many is looked at.
pub(crate) const FILLED_FREES: u8 = 16;

// Where large blocks go.

/// A block that must move in order to grow to this size is given room to grow on.
pub(crate) const GROWING: usize = 256 << 10;
/// Arenas of a partition that whole blocks leave to slabs and runs while other partitions have some.
pub(crate) const KEPT_FOR_POOLS: u32 = 32;
/// Whole blocks begin at one of so many segments of their arena, for the same reason that slabs don't all begin at
/// the first: see [`ArenaPlace::first_slab`](crate::ArenaPlace).
pub(crate) const STAGGER: usize = 15;
/// Arenas of a list that are looked at for a gap, and slabs for free blocks: so many that it is cheap beside a page fault.
pub(crate) const LOOKED_AT: usize = 16;

/// From this size on, the pages of a block that moves are moved rather than copied.
pub(crate) const WORTH_MOVING: usize = 1 << 20;
/// Warm memory is brought to a block that lacks it in multiples of so much: to move it takes some microseconds, as four page
/// faults do.
pub(crate) const UNIT_BROUGHT: usize = 256 << 10;
/// It is brought in heaps that hold so much: in smaller ones, huge pages were taken apart that others would have had.
pub(crate) const WORTH_WARMING: usize = 128 << 20;
/// A block has its memory from so many places at most, an arena from so many in all, and all of the process from so many:
/// each is a mapping of its own, or two, and a process has 65,530.
pub(crate) const MOST_BROUGHT: usize = 8;
pub(crate) const MOST_BROUGHT_TO_ARENA: u8 = 128;
pub(crate) const MOST_BROUGHT_IN_ALL: usize = 4096;
/// Where pages can't be moved, so much is copied before its memory is given back.
pub(crate) const COPIED_AT_ONCE: usize = 32 << 20;

// How often threads meet.

/// A batch is full with so many bytes of blocks, but two at least: a thread may hold one that isn't full for each heap and
/// class. With 29 blocks in all of them, eight threads that pass blocks to 16 KiB on had 87 MiB instead of 66.
pub(crate) const BATCH_BYTES: usize = 16 << 10;
/// So many bytes of blocks may wait in an inbox. A thread that adds more takes them in itself, since their owner may be
/// idle for ever.
pub(crate) const MAX_WAITING: usize = 2 << 20;
/// A batch counts for so much there at least: 64 of them wait at most.
pub(crate) const LEAST_WAITING: usize = MAX_WAITING / 64;
/// A thread's stack of a class holds so many blocks at first, and as many as its shape has once it was empty or full:
/// most threads have few blocks of most classes, and touch a page for the stacks of ten.
pub(crate) const FIRST_STACK: usize = 16;
/// So many bytes of blocks a heap keeps as magazines: some hundreds of small blocks, so that those which go to and fro
/// between threads do so without a look at bit maps, which took 40 instructions a block.
pub(crate) const READY: usize = 256 << 10;
/// A heap brings the figures of the process up to date when they are off by so much: a locked instruction for each
/// batch of blocks would cost more than the rest of the batch's way.
pub(crate) const PUBLISHING: usize = 64 << 10;

/// The gauges are written again after so long, at the next slow path of any thread: a look costs some microseconds a heap.
pub(crate) const GAUGES_PERIOD: u64 = 500;

// How many heaps there may be.

/// Threads have areas of their own up to this number; more share the heaps of those. It leaves windows for heaps that
/// outgrow an area, and for huge blocks.
pub(crate) const MAX_HOMES: usize = 1024;
/// Arena heaps at once. It leaves windows to threads, and to huge blocks.
pub(crate) const MAX_VALUES: usize = 768;
/// How many of these are kept for the next, their memory with them as far as the process may keep it.
pub(crate) const MAX_KEPT: usize = 16;
/// Tags, each of which has an arena heap for ever. It leaves twice as many to the program.
pub(crate) const MAX_TAGS: usize = 256;

/// Fenced blocks at once, those that wait for their next use among them: each has a page of 4096 bytes, a book of 560, and two
/// of the 65,530 mappings of a process.
pub(crate) const MAX_FENCED: usize = 1024;
/// So many by default: a megabyte, and one mapping of a hundred.
pub(crate) const FENCED_DEFAULT: usize = 256;
