/* Bytes before a block are written. */
#include "cases.h"

#define SOME 40

static char *volatile earlier[SOME], *volatile written;

/* Writes `count` bytes before `block`, and frees it and those allocated before it. */
static void before(char *block, size_t count) {
    written = block;
    for (size_t i = 1; i <= count; i++) {
        written[-(ptrdiff_t)i] = 'y';
    }
    free(written);
    for (int i = SOME - 1; i >= 0; i--) {
        free(earlier[i]);
    }
    done();
}

static void of(size_t size, size_t count) {
    for (int i = 0; i < 20; i++) {
        free(block(size));
    }
    /* So many that freed ones, which may lie anywhere, are used up. */
    for (int i = 0; i < SOME; i++) {
        earlier[i] = block(size);
    }
    before(block(size), count);
    probe(size);
}

static void by_one(void) { of(104, 1); }
static void by_a_word(void) { of(104, 8); }
static void by_two_words(void) { of(104, 16); }
static void by_a_line(void) { of(104, 64); }
static void smallest(void) { of(1, 8); }
static void of_40(void) { of(40, 8); }
static void of_64(void) { of(64, 16); }
static void of_300(void) { of(300, 24); }
static void of_2000(void) { of(2000, 8); }
static void of_a_page(void) { of(4096, 1); }
static void medium(void) { of(30000, 16); }
static void large(void) { of(100 << 10, 1); }
static void large_by_words(void) { of(100 << 10, 16); }
static void large_by_a_page(void) { of(200 << 10, 4096); }
static void very_large(void) { of(3 << 20, 4096); }

static void zeroed(void) {
    earlier[0] = calloc(1, 120);
    before(calloc(1, 120), 8);
}

static void resized(void) {
    earlier[0] = block(120);
    before(realloc(block(40), 120), 8);
}

static void aligned(void) {
    earlier[0] = aligned_alloc(64, 192);
    before(aligned_alloc(64, 192), 8);
}

CASES({"by-one", by_one},
      {"by-a-word", by_a_word},
      {"by-two-words", by_two_words},
      {"by-a-line", by_a_line},
      {"smallest", smallest},
      {"of-40", of_40},
      {"of-64", of_64},
      {"of-300", of_300},
      {"of-2000", of_2000},
      {"of-a-page", of_a_page},
      {"medium", medium},
      {"large", large},
      {"large-by-words", large_by_words},
      {"large-by-a-page", large_by_a_page},
      {"very-large", very_large},
      {"zeroed", zeroed},
      {"resized", resized},
      {"aligned", aligned})
