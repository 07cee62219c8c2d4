/* What every program here uses: CHECK, and a fill that shows whether a block is ours alone. */
#ifndef CHECK_H
#define CHECK_H

#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef __GLIBC__
#include "gnu.h"
#endif

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            dprintf(2, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);  \
            _exit(1);                                                                     \
        }                                                                                 \
    } while (0)

/* malloc must be ours, or the test says nothing: only our library has this. */
extern const char *stratalloc_version(void) __attribute__((weak));
#define CHECK_OURS() CHECK(stratalloc_version != NULL)

/* Both ends of a block, marked with a number of its own. */
static inline void mark(void *block, size_t size, unsigned char number) {
    if (size > 0) {
        ((volatile unsigned char *)block)[0] = number;
        ((volatile unsigned char *)block)[size - 1] = number;
    }
}

static inline int is_marked(const void *block, size_t size, unsigned char number) {
    const volatile unsigned char *bytes = block;
    return size == 0 || (bytes[0] == number && bytes[size - 1] == number);
}

/* A pseudo-random step. */
static inline uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

/* Blocks of many sizes allocated, grown and freed in disorder; each is checked before it goes.
   `may_fail`: a null pointer is an answer. */
static inline void churn(uint64_t seed, int steps, int may_fail) {
    enum { SLOTS = 64 };
    unsigned char *blocks[SLOTS] = {0};
    size_t sizes[SLOTS] = {0};
    uint64_t state = seed * 2654435761u + 88172645463325252u;
    for (int step = 0; step < steps; step++) {
        unsigned slot = next_random(&state) % SLOTS;
        size_t size = next_random(&state) % ((size_t)1 << (4 + next_random(&state) % 15)) + 1;
        if (blocks[slot] != NULL) {
            CHECK(is_marked(blocks[slot], sizes[slot], (unsigned char)slot));
        }
        if (blocks[slot] != NULL && next_random(&state) % 3 != 0) {
            free(blocks[slot]);
            blocks[slot] = NULL;
            continue;
        }
        unsigned char *block = realloc(blocks[slot], size);
        if (block == NULL) {
            CHECK(may_fail && errno == ENOMEM);
            continue;
        }
        CHECK((uintptr_t)block % 16 == 0);
        CHECK(blocks[slot] == NULL || block[0] == (unsigned char)slot);
        blocks[slot] = block;
        sizes[slot] = size;
        mark(block, size, (unsigned char)slot);
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        CHECK(blocks[slot] == NULL || is_marked(blocks[slot], sizes[slot], (unsigned char)slot));
        free(blocks[slot]);
    }
}

/* Blocks of one size, all of it written. */
static inline void take(void **blocks, int count, size_t size) {
    for (int i = 0; i < count; i++) {
        CHECK((blocks[i] = malloc(size)) != NULL);
        memset(blocks[i], 1, size);
    }
}

static inline void give_back(void **blocks, int count) {
    for (int i = 0; i < count; i++) {
        free(blocks[i]);
    }
}

/* The memory that the process has just now. */
static inline long resident_kilobytes(void) {
    long pages = 0, ignored = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(fscanf(file, "%ld %ld", &ignored, &pages) == 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A figure of this program alone, as VmHWM or VmPeak: those of getrusage are inherited from who started it. */
static inline long status_kilobytes(const char *name) {
    char line[256];
    long kilobytes = -1;
    size_t length = strlen(name);
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (kilobytes < 0 && fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            kilobytes = atol(line + length + 1);
        }
    }
    fclose(status);
    CHECK(kilobytes > 0);
    return kilobytes;
}

#endif
