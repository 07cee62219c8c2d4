/* A block is written to after it was freed. */
#include "cases.h"

static char *volatile freed;

/* Frees a block, writes to it from `offset` on, and allocates and frees others. */
static void after(char *block, size_t size, size_t offset) {
    freed = block;
    free(freed);
    memset(freed + offset, 'y', 8);
    probe(size);
    probe(size);
    done();
}

static void first_word(void) { after(block(100), 100, 0); }
static void second_word(void) { after(block(100), 100, 8); }
static void middle(void) { after(block(500), 500, 240); }
static void last_word(void) { after(block(64), 64, 56); }
static void medium(void) { after(block(5000), 5000, 3000); }
static void zeroed(void) { after(calloc(1, 300), 300, 16); }

static void aligned(void) {
    freed = aligned_alloc(64, 256);
    free(freed);
    memset(freed + 128, 'y', 8);
    free(aligned_alloc(64, 256));
    done();
}

static void large(void) { after(block(100 << 10), 100 << 10, 5000); }
static void very_large(void) { after(block(3 << 20), 3 << 20, 1 << 20); }

static void moved(void) {
    char *volatile old = block(100), *volatile next = block(100);
    char *volatile larger = realloc(old, 3000);
    if (larger == old) {
        not_there();
    }
    memset(old + 24, 'y', 8);
    probe(100);
    probe(100);
    free(next);
    done();
}

static void free_freed(void) { free(freed); }

static void freed_elsewhere(void) {
    freed = block(100);
    in_thread(free_freed);
    memset(freed + 24, 'y', 8);
    probe(100);
    probe(100);
    done();
}

CASES({"first-word", first_word},
      {"second-word", second_word},
      {"middle", middle},
      {"last-word", last_word},
      {"medium", medium},
      {"zeroed", zeroed},
      {"aligned", aligned},
      {"large", large},
      {"very-large", very_large},
      {"moved", moved},
      {"freed-elsewhere", freed_elsewhere})
