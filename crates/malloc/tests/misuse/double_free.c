/* A block is freed twice. */
#include "cases.h"

#define FEW 8
#define MANY 200

static char *volatile first, *volatile second;
static char *volatile others[MANY];

/* Frees a block of a size, `count` others, and the block again. */
static void apart(size_t size, int count) {
    first = block(size);
    for (int i = 0; i < count; i++) {
        others[i] = block(size);
    }
    free(first);
    for (int i = 0; i < count; i++) {
        free(others[i]);
    }
    free(first);
    done();
    probe(size);
}

static void twice(char *block, size_t size) {
    first = block;
    free(first);
    free(first);
    done();
    probe(size);
}

static void at_once(void) { apart(32, 0); }
static void one_between(void) { apart(64, 1); }
static void few_between(void) { apart(100, FEW); }
static void many_between(void) { apart(48, MANY); }
static void smallest(void) { apart(1, 0); }
static void smallest_apart(void) { apart(1, 1); }
static void medium(void) { apart(2000, 0); }
static void medium_apart(void) { apart(30000, 1); }
static void large(void) { apart(100 << 10, 0); }
static void large_apart(void) { apart(1 << 20, 1); }
static void zeroed(void) { twice(calloc(10, 10), 100); }
static void on_a_line(void) { twice(aligned_alloc(64, 128), 128); }
static void on_a_page(void) { twice(memalign(4096, 4096), 4096); }

static void huge(void) {
    first = malloc((size_t)5 << 30);
    if (first == NULL) {
        not_there();
    }
    free(first);
    free(first);
    done();
}

static void after_other_sizes(void) {
    first = block(200);
    free(first);
    for (int i = 0; i < MANY; i++) {
        free(block(300 + i));
    }
    free(first);
    done();
    probe(200);
}

static void moved(void) {
    first = block(100);
    second = block(100);
    char *volatile larger = realloc(first, 3000);
    if (larger == first) {
        not_there();
    }
    free(first);
    done();
    probe(100);
}

static void resized(void) {
    first = block(100);
    free(first);
    second = realloc(first, 3000);
    done();
    probe(100);
}

static void resized_to_nothing(void) {
    first = block(100);
    second = block(100);
    free(first);
    free(second);
    second = realloc(first, 0);
    done();
    probe(100);
}

static void free_first(void) { free(first); }

static void in_another_thread(void) {
    first = block(100);
    second = block(100);
    free(first);
    free(second);
    in_thread(free_first);
    done();
    probe(100);
}

static void after_another_thread(void) {
    first = block(100);
    in_thread(free_first);
    free(first);
    done();
    probe(100);
}

static void allocate_two(void) {
    first = block(100);
    second = block(100);
}

static void of_a_thread_that_ended(void) {
    in_thread(allocate_two);
    free(first);
    free(second);
    free(first);
    done();
    probe(100);
}

static void free_apart(void) {
    free(first);
    free(second);
    free(first);
    done();
}

static void of_another_thread(void) {
    allocate_two();
    in_thread(free_apart);
    probe(100);
}

CASES({"at-once", at_once},
      {"one-between", one_between},
      {"few-between", few_between},
      {"many-between", many_between},
      {"after-other-sizes", after_other_sizes},
      {"smallest", smallest},
      {"smallest-apart", smallest_apart},
      {"medium", medium},
      {"medium-apart", medium_apart},
      {"large", large},
      {"large-apart", large_apart},
      {"huge", huge},
      {"zeroed", zeroed},
      {"on-a-line", on_a_line},
      {"on-a-page", on_a_page},
      {"moved", moved},
      {"resized", resized},
      {"resized-to-nothing", resized_to_nothing},
      {"in-another-thread", in_another_thread},
      {"after-another-thread", after_another_thread},
      {"of-a-thread-that-ended", of_a_thread_that_ended},
      {"of-another-thread", of_another_thread})
