/*
 * The tunable block pool, on a heap of 65,536 bytes that is part of the library.
 *
 * Build the library, and a program with it:
 *
 *   cargo rustc -p stratalloc-pool --lib --release --crate-type staticlib --features c-hosted
 *   cc -Icrates/pool/include program.c target/release/libstratalloc_pool.a
 *
 * For bare metal take `--features c` and a `--target`, and link an implementation of the
 * `critical-section` crate's two functions.
 */
#ifndef STRATALLOC_POOL_ALLOC_H
#define STRATALLOC_POOL_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether blocks are aligned to 8 bytes. If not, a block takes no more than its size. */
#ifndef BYTE_ALIGNMENT
#define BYTE_ALIGNMENT true
#endif

/* What `pool_try_free` finds. */
enum pool_free_result {
    POOL_FREED = 0,
    POOL_FOREIGN = 1,   /* not a pointer into any block of the heap, or no pool */
    POOL_INTERIOR = 2,  /* inside a block, not its start */
    POOL_NOT_IN_USE = 3 /* freed before, or never allocated */
};

/*
 * Divides the heap evenly among `block_size_count` block sizes, ascending, 1 to 248 of them.
 *
 * False if that can't be: a size of zero, unsorted or repeated sizes, a block larger than its share
 * (one block of 65,520 bytes is the largest). There is no pool then, and another call may succeed.
 * A second call begins anew: what was allocated before is gone. The sizes are only read.
 */
bool pool_init(const size_t *block_sizes, size_t block_size_count);

/* The same without alignment; what `pool_init` is where BYTE_ALIGNMENT is false. */
bool pool_init_packed(const size_t *block_sizes, size_t block_size_count);

/*
 * A block of the smallest size that holds `n` bytes; NULL if n is zero or larger than all blocks,
 * if that pool is exhausted, or if there is no pool.
 */
void *pool_malloc(size_t n);

/* Takes a block back. NULL is ignored, and so is what isn't a live block. */
void pool_free(void *ptr);

/* Takes a block back, or says what is wrong with the pointer; NULL is POOL_FOREIGN. */
enum pool_free_result pool_try_free(void *ptr);

/* The size of the live block at `ptr`; zero if there is none. */
size_t pool_usable_size(const void *ptr);

/* The bytes of the heap that are no blocks; all of them if there is no pool. */
size_t pool_overhead(void);

#if !BYTE_ALIGNMENT
#define pool_init(block_sizes, block_size_count) pool_init_packed(block_sizes, block_size_count)
#endif

#ifdef __cplusplus
}
#endif

#endif
