/* Bytes past the end of a block are written, or read. */
#include "cases.h"

static char *volatile written, *volatile next;

/* Writes `count` bytes past the end of `block`, and frees it and one after it. */
static void past(char *block, char *after, size_t size, size_t count, char byte) {
    written = block;
    next = after;
    for (size_t i = 0; i < count; i++) {
        written[size + i] = byte;
    }
    free(written);
    free(next);
    done();
}

static void of(size_t size, size_t count, char byte) {
    char *first = block(size);
    past(first, block(size), size, count, byte);
}

static void by_one(void) { of(104, 1, 'y'); }
static void by_a_zero(void) { of(104, 1, 0); }
static void by_a_zero_in_the_class(void) { of(100, 1, 0); }
static void by_one_in_the_class(void) { of(100, 1, 'y'); }
static void by_a_word(void) { of(24, 8, 'y'); }
static void by_a_line(void) { of(56, 64, 'y'); }
static void by_much(void) { of(200, 600, 'y'); }
static void smallest(void) { of(1, 1, 'y'); }
static void of_a_page(void) { of(4096, 1, 'y'); }
static void of_a_page_much(void) { of(4096, 200, 'y'); }
static void medium(void) { of(30000, 16, 'y'); }
static void large_by_one(void) { of(100001, 1, 'y'); }
static void large_by_a_page(void) { of(128 << 10, 4096, 'y'); }
static void very_large(void) { of(3 << 20, 4096, 'y'); }
static void zeroed(void) { past(calloc(1, 120), block(120), 120, 16, 'y'); }
static void resized(void) { past(realloc(block(40), 120), block(120), 120, 16, 'y'); }
static void aligned(void) { past(aligned_alloc(64, 192), block(192), 192, 16, 'y'); }

static void read_large(void) {
    written = block(3 << 20);
    volatile char read = written[(3 << 20) + 8192];
    (void)read;
    free(written);
    done();
}

CASES({"by-one", by_one},
      {"by-a-zero", by_a_zero},
      {"by-one-in-the-class", by_one_in_the_class},
      {"by-a-zero-in-the-class", by_a_zero_in_the_class},
      {"by-a-word", by_a_word},
      {"by-a-line", by_a_line},
      {"by-much", by_much},
      {"smallest", smallest},
      {"of-a-page", of_a_page},
      {"of-a-page-much", of_a_page_much},
      {"medium", medium},
      {"large-by-one", large_by_one},
      {"large-by-a-page", large_by_a_page},
      {"very-large", very_large},
      {"read-large", read_large},
      {"zeroed", zeroed},
      {"resized", resized},
      {"aligned", aligned})
