/* The place of a freed block goes to one that is asked for soon after: what still uses the old one then uses the new. */
#include "cases.h"

#define MANY 200

static char *volatile freed;
static char *volatile others[MANY];

static void free_freed(void) { free(freed); }

/* Asks for `count` blocks of a size, and looks whether one of them has the place of the freed one. */
static void expect_another(size_t size, int count) {
    int reused = 0;
    for (int i = 0; i < count; i++) {
        others[i] = block(size);
        reused |= others[i] == freed;
    }
    mark(reused ? "harm\n" : "gone\n");
}

static void then(char *block, size_t size, int count) {
    freed = block;
    free(freed);
    expect_another(size, count);
}

static void at_once(void) { then(block(100), 100, 1); }
static void smallest(void) { then(block(1), 1, 1); }
static void smaller(void) { then(block(100), 97, 1); }
static void few_later(void) { then(block(64), 64, 8); }
static void many_later(void) { then(block(48), 48, MANY); }
static void medium(void) { then(block(5000), 5000, 1); }
static void largest_small(void) { then(block(30000), 30000, 8); }
static void large(void) { then(block(100 << 10), 100 << 10, 1); }
static void large_for_smaller(void) { then(block(256 << 10), 128 << 10, 1); }
static void very_large(void) { then(block(3 << 20), 3 << 20, 1); }
static void zeroed(void) { then(calloc(1, 300), 300, 1); }

static void aligned(void) {
    freed = aligned_alloc(64, 256);
    free(freed);
    mark(aligned_alloc(64, 256) == freed ? "harm\n" : "gone\n");
}

static void moved(void) {
    freed = block(100);
    char *volatile larger = realloc(freed, 3000);
    if (larger == freed) {
        not_there();
    }
    expect_another(100, 1);
}

static void after_many(void) {
    for (int i = 0; i < MANY; i++) {
        others[i] = block(200);
    }
    freed = block(200);
    free(freed);
    for (int i = 0; i < MANY; i++) {
        free(others[i]);
    }
    expect_another(200, MANY);
}

static void freed_elsewhere(void) {
    freed = block(100);
    in_thread(free_freed);
    expect_another(100, MANY);
}

CASES({"at-once", at_once},
      {"smallest", smallest},
      {"smaller", smaller},
      {"few-later", few_later},
      {"many-later", many_later},
      {"after-many", after_many},
      {"medium", medium},
      {"largest-small", largest_small},
      {"large", large},
      {"large-for-smaller", large_for_smaller},
      {"very-large", very_large},
      {"zeroed", zeroed},
      {"aligned", aligned},
      {"moved", moved},
      {"freed-elsewhere", freed_elsewhere})
