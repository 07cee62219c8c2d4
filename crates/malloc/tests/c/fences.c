/* What is wrong with a fenced block is reported with the calls that allocated and freed it. Run with STRATALLOC_GUARDS=1. */
#include "check.h"

#include <pthread.h>

enum { SIZE = 48, ATTEMPTS = 64 };

/* Their names are looked for in the report. */
__attribute__((noinline)) char *allocate_here(size_t size) {
    char *block = malloc(size);
    CHECK(block != NULL);
    __asm__ volatile("" ::: "memory");
    return block;
}

__attribute__((noinline)) void free_here(void *block) {
    free(block);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void touch_here(volatile char *place, int write) {
    if (write) {
        *place = 1;
    } else {
        (void)*place;
    }
    __asm__ volatile("" ::: "memory");
}

/* Whether a block ends at its page's end, or else begins at its start. */
static int is_at_end(const char *block) {
    return (uintptr_t)block % 4096 != 0;
}

/* A block at the end of its page, or at the start. */
static char *placed(int at_end) {
    for (int i = 0; i < ATTEMPTS; i++) {
        char *block = allocate_here(SIZE);
        if (is_at_end(block) == at_end) {
            return block;
        }
    }
    CHECK(!"chance is against it");
    return NULL;
}

static void *free_in_thread(void *block) {
    free_here(block);
    return NULL;
}

static void free_elsewhere(void *block) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_in_thread, block) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(int argc, char **argv) {
    CHECK_OURS();
    CHECK(argc == 2);
    const char *kind = argv[1];
    if (strcmp(kind, "overflow-write") == 0) {
        touch_here(placed(1) + SIZE, 1);
    } else if (strcmp(kind, "overflow-read") == 0) {
        touch_here(placed(1) + SIZE + 3, 0);
    } else if (strcmp(kind, "underflow-write") == 0) {
        touch_here(placed(0) - 1, 1);
    } else if (strcmp(kind, "underflow-read") == 0) {
        touch_here(placed(0) - 8, 0);
    } else if (strcmp(kind, "overflow-at-free") == 0) {
        char *block = placed(0);
        block[SIZE] = 0;
        free_here(block);
    } else if (strcmp(kind, "underflow-at-free") == 0) {
        char *block = placed(1);
        block[-1] = 0;
        free_here(block);
    } else if (strcmp(kind, "odd-size") == 0) {
        /* Its end isn't its page's, for its alignment. */
        char *block = allocate_here(13);
        block[13] = 0;
        free_here(block);
    } else if (strcmp(kind, "after-free-write") == 0) {
        char *block = allocate_here(SIZE);
        free_here(block);
        touch_here(block, 1);
    } else if (strcmp(kind, "after-free-read") == 0) {
        char *block = allocate_here(SIZE);
        free_here(block);
        touch_here(block + 5, 0);
    } else if (strcmp(kind, "after-free-elsewhere") == 0) {
        char *block = allocate_here(SIZE);
        free_elsewhere(block);
        touch_here(block, 0);
    } else if (strcmp(kind, "twice") == 0) {
        char *block = allocate_here(SIZE);
        free_here(block);
        free_here(block);
    } else if (strcmp(kind, "twice-elsewhere") == 0) {
        char *block = allocate_here(SIZE);
        free_elsewhere(block);
        free_here(block);
    } else if (strcmp(kind, "inside") == 0) {
        free_here(allocate_here(SIZE) + 16);
    } else if (strcmp(kind, "fence") == 0) {
        free_here(placed(1) + SIZE);
    } else if (strcmp(kind, "resized") == 0) {
        char *block = allocate_here(SIZE);
        free_here(block);
        CHECK(realloc(block, 100) == NULL);
    } else if (strcmp(kind, "measured") == 0) {
        char *block = allocate_here(SIZE);
        CHECK(malloc_usable_size(block) == SIZE);
        free_here(block);
        CHECK(malloc_usable_size(block) == 0);
    } else if (strcmp(kind, "foreign") == 0) {
        touch_here((char *)16, 1);
    } else {
        CHECK(strcmp(kind, "none") == 0);
    }
    return 0;
}
