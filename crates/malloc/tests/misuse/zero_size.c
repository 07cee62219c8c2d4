/* A block of no bytes is read, or written to. */
#include "cases.h"

static volatile char content;

static void read_first(char *block) {
    content = *(volatile char *)block;
    free(block);
    done();
}

static void write_first(char *block) {
    *(volatile char *)block = 'y';
    free(block);
    done();
}

static char *posix_block(void) {
    void *block = NULL;
    return posix_memalign(&block, 64, 0) == 0 ? block : NULL;
}

/* Where no block is given for no bytes, there is nothing that could be misused. */
static char *given(char *block) {
    if (block == NULL) {
        not_there();
    }
    return block;
}

static void malloc_read(void) { read_first(given(malloc(0))); }
static void malloc_write(void) { write_first(given(malloc(0))); }
static void calloc_read(void) { read_first(given(calloc(0, 8))); }
static void calloc_write(void) { write_first(given(calloc(8, 0))); }
static void realloc_read(void) { read_first(given(realloc(NULL, 0))); }
static void realloc_write(void) { write_first(given(realloc(NULL, 0))); }
static void aligned_read(void) { read_first(given(aligned_alloc(64, 0))); }
static void aligned_write(void) { write_first(given(aligned_alloc(64, 0))); }
static void memalign_read(void) { read_first(given(memalign(32, 0))); }
static void memalign_write(void) { write_first(given(memalign(32, 0))); }
static void posix_read(void) { read_first(given(posix_block())); }
static void posix_write(void) { write_first(given(posix_block())); }

CASES({"malloc-read", malloc_read},
      {"malloc-write", malloc_write},
      {"calloc-read", calloc_read},
      {"calloc-write", calloc_write},
      {"realloc-read", realloc_read},
      {"realloc-write", realloc_write},
      {"aligned-read", aligned_read},
      {"aligned-write", aligned_write},
      {"memalign-read", memalign_read},
      {"memalign-write", memalign_write},
      {"posix-read", posix_read},
      {"posix-write", posix_write})
