/* stratalloc.h: what libstratalloc offers beyond the C library's own malloc functions, which are
 * declared in <stdlib.h> and <malloc.h>.
 *
 * Every function may be called from any thread, but for what is said of heaps. SPDX-License-Identifier: Apache-2.0 OR MIT */
#ifndef STRATALLOC_H
#define STRATALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library's version, "MAJOR.MINOR.PATCH". Declared weak by a program that runs with and without
 * the library, its address tells which it is. */
const char *stratalloc_version(void);

/* Gives back to the system all memory that serves nothing; how many bytes that were at most. Takes
 * time in proportion to all memory held: for quiet moments. */
size_t stratalloc_trim(void);

/* Figures of one moment, in bytes but where said. */
struct stratalloc_stats {
    size_t touched;     /* memory with pages behind it, huge blocks and the allocator's books apart */
    size_t in_use;      /* of that, blocks handed out, to the program or to a thread's stock */
    size_t vacant;      /* of that, what a trim gives back */
    size_t huge;        /* blocks beyond 4 GiB */
    size_t huge_blocks; /* how many of these there are */
    size_t areas;       /* how many stretches of 64 GiB of address space are taken */
};

/* Counts. Takes time in proportion to all memory held. */
void stratalloc_stats(struct stratalloc_stats *stats);

/* Says in a line what an address is: whose heap it lies in, where, and in which block, live or free. Any address will do:
 * nothing is read there. How many bytes the line has; as many of them are written to `text` as `size` leaves room for,
 * and a null behind them. 256 are enough.
 *
 * It waits for nothing and allocates nothing: a signal handler may call it, whatever that interrupted. */
size_t stratalloc_describe(const void *address, char *text, size_t size);

/* How many bytes may be used from an address on, at most: to the end of the block in use that it lies in. 0 for null, and
 * where no block is in use; SIZE_MAX where that is unknown: outside of the library, or while another thread changes the heap.
 * As in hardened_malloc. The second takes a few instructions, and says SIZE_MAX of all but small blocks, of which it doesn't
 * know whether they are in use. The hardened build ends the process where the first is asked of an address among small blocks
 * that is in none in use, the paranoid build where either is. */
size_t malloc_object_size(const void *address);
size_t malloc_object_size_fast(const void *address);

/* A profile of the heap by samples: which calls hold its memory.
 *
 * start: from now on one block is sampled in so many bytes on average (0: 512 KiB), with the calls that lead to it.
 * 0, or -1 with ENOMEM. stop: no more are.
 * write: writes what was sampled until now to a file, for `stratalloc-profile`. 0, or -1 with errno. */
int stratalloc_profile_start(size_t interval);
void stratalloc_profile_stop(void);
int stratalloc_profile_write(const char *path);

/* A heap of one's own, beside malloc's: for work that builds much and throws it all away in one step.
 *
 * It may be handed from thread to thread, and is used by one at a time; for several at once put a lock
 * around it. Its blocks may be given to free, realloc and malloc_usable_size too, by any thread. There
 * are at most 768 heaps at a time. */
typedef struct stratalloc_heap stratalloc_heap;

/* A new heap; NULL with ENOMEM if memory is out, or if there are too many. */
stratalloc_heap *stratalloc_heap_new(void);

/* The same, that never holds more than so many bytes, in granules of 64 KiB and one at least: blocks, and memory kept for
 * the next. A request beyond that is NULL with ENOMEM, and a reset makes room again. */
stratalloc_heap *stratalloc_heap_new_limited(size_t bytes);

/* As malloc, aligned_alloc (any size will do) and realloc (size 0 frees) do, in a heap: aligned to 16 at
 * least; NULL with ENOMEM or EINVAL on failure, and realloc's block is then as it was. */
void *stratalloc_heap_alloc(stratalloc_heap *heap, size_t size);
void *stratalloc_heap_aligned_alloc(stratalloc_heap *heap, size_t alignment, size_t size);
void *stratalloc_heap_realloc(stratalloc_heap *heap, void *block, size_t size);

/* Frees one block; NULL is none. */
void stratalloc_heap_free(stratalloc_heap *heap, void *block);

/* Frees every block at once, and keeps the memory for the next ones: in time proportional to the
 * memory, not to the number of blocks. */
void stratalloc_heap_reset(stratalloc_heap *heap);

/* The same, and ends the heap; NULL is none. */
void stratalloc_heap_destroy(stratalloc_heap *heap);

/* The bytes of a heap's blocks in use. */
size_t stratalloc_heap_in_use(stratalloc_heap *heap);

/* Tags: accounts of what parts of a program hold.
 *
 * What a thread allocates while it is in a tag counts there until it is freed, by whichever thread, in whichever tag or
 * none. A tag stays as long as the process. A thread that is in no tag pays nothing for those that are. */
typedef struct stratalloc_tag stratalloc_tag;

/* The tag of a name of 1 to 64 bytes of UTF-8, which is made if there is none; keep it at hand. NULL with EINVAL, or with
 * ENOMEM if there are 256 tags or memory is out. */
stratalloc_tag *stratalloc_tag_named(const char *name);

/* Its name: how many bytes it has; as many of them are written to `text` as `size` leaves room for, and a null behind. */
size_t stratalloc_tag_name(const stratalloc_tag *tag, char *text, size_t size);

/* enter: from now on the calling thread is in the tag; the one that it was in, or NULL, which it gives to leave as it ends
 * its stay. Not for signal handlers. */
stratalloc_tag *stratalloc_tag_enter(stratalloc_tag *tag);
void stratalloc_tag_leave(stratalloc_tag *before);

/* The tag that the calling thread is in, and that of the block that an address lies in; NULL is none. */
stratalloc_tag *stratalloc_tag_current(void);
stratalloc_tag *stratalloc_tag_of(const void *address);

/* Figures of one moment, in bytes but for the blocks. */
struct stratalloc_tag_figures {
    size_t live_bytes;
    size_t live_blocks;
    size_t peak_bytes;                   /* the most that was live */
    size_t held;                         /* what counts for the limit: live blocks, and memory kept for the next */
    size_t limit;                        /* SIZE_MAX is none */
    unsigned long long allocated_bytes;  /* of all blocks that there ever were */
    unsigned long long allocated_blocks;
};
void stratalloc_tag_figures(const stratalloc_tag *tag, struct stratalloc_tag_figures *figures);

/* Sets the most bytes that a tag may hold, in granules of 64 KiB, or SIZE_MAX for no limit. Requests beyond it fail, with
 * ENOMEM; nothing changes for others. 0, or -1 with ENOMEM if it holds more already. */
int stratalloc_tag_set_limit(stratalloc_tag *tag, size_t bytes);

/* C23's functions, which older headers don't declare. */
#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);
#endif

#ifdef __cplusplus
}
#endif

#endif
