/* What a block held is looked for after it was freed, where it stood and in the next block. */
#include "cases.h"

#define SECRET "a password"

static char *volatile kept;

static int is_secret(const char *place) {
    return memcmp(place, SECRET, sizeof SECRET) == 0;
}

static void in_old_place(size_t size, size_t offset) {
    kept = block(size);
    memcpy(kept + offset, SECRET, sizeof SECRET);
    free(kept);
    mark(is_secret(kept + offset) ? "harm\n" : "gone\n");
}

static void in_next_block(size_t size, size_t offset) {
    kept = block(size);
    memcpy(kept + offset, SECRET, sizeof SECRET);
    free(kept);
    char *volatile next = malloc(size);
    mark(is_secret(next + offset) ? "harm\n" : "gone\n");
    free(next);
}

static void small(void) { in_old_place(64, 32); }
static void medium(void) { in_old_place(1000, 500); }
static void pages(void) { in_old_place(20000, 10000); }
static void large(void) { in_old_place(200 << 10, 100 << 10); }
static void very_large(void) { in_old_place(3 << 20, 0); }
static void next_small(void) { in_next_block(64, 32); }
static void next_medium(void) { in_next_block(1000, 500); }
static void next_pages(void) { in_next_block(20000, 10000); }
static void next_large(void) { in_next_block(200 << 10, 60 << 10); }

static void moved(void) {
    kept = block(100);
    memcpy(kept + 40, SECRET, sizeof SECRET);
    char *volatile after = block(100), *volatile old = kept, *volatile larger = realloc(old, 3000);
    if (larger == old) {
        not_there();
    }
    mark(is_secret(old + 40) ? "harm\n" : "gone\n");
    free(larger);
    free(after);
}

CASES({"small", small},
      {"medium", medium},
      {"pages", pages},
      {"large", large},
      {"very-large", very_large},
      {"next-small", next_small},
      {"next-medium", next_medium},
      {"next-pages", next_pages},
      {"next-large", next_large},
      {"moved", moved})
