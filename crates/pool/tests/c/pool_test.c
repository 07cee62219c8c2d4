/* The seed's functions as C sees them; each check names its line of the seed. */
#include "pool_alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

#define CHECK(line, condition)                                                         \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "%s: %s:%d: %s\n", line, __FILE__, __LINE__, #condition);  \
            failures++;                                                                \
        }                                                                              \
    } while (0)

static bool init_one(size_t size) { return pool_init(&size, 1); }

static size_t fill(size_t size, void **blocks) {
    size_t count = 0;
    for (void *block; (block = pool_malloc(size)) != NULL; count++) {
        memset(block, (int)(count & 0xff), size);
        blocks[count] = block;
    }
    return count;
}

static void before_init(void) {
    CHECK("S0.2", pool_malloc(8) == NULL);
    pool_free(NULL);
    pool_free(&failures);
    CHECK("S0.1", pool_overhead() == 65536);
}

static void init(void) {
    const size_t sizes[] = {32, 64, 256}, unsorted[] = {64, 32}, twice[] = {32, 32};
    const size_t zero[] = {0, 8}, huge[] = {8, SIZE_MAX};
    CHECK("S0.2", pool_init(sizes, 3));
    CHECK("S0.4", !pool_init(unsorted, 2));
    CHECK("S0.2", pool_malloc(32) == NULL); /* a failed init leaves nothing */
    CHECK("S0.5", !pool_init(twice, 2));
    CHECK("S0.2", !pool_init(zero, 2));
    CHECK("S0.11", !pool_init(huge, 2));
    CHECK("S0.2", !pool_init(NULL, 0) && !pool_init(sizes, 0) && !pool_init(NULL, 3));
    CHECK("S0.4", unsorted[0] == 64 && unsorted[1] == 32);
    CHECK("S0.2", pool_init(sizes, 3) && pool_malloc(32) != NULL); /* a retry works */
}

static void limits(void) {
    size_t sizes[256];
    for (size_t i = 0; i < 256; i++) sizes[i] = i + 1;
    CHECK("S0.7", pool_init(sizes, 248));
    CHECK("S0.7", !pool_init(sizes, 249));
    CHECK("S0.7", !pool_init(sizes, 256));
#if BYTE_ALIGNMENT
    CHECK("S0.6", init_one(65520) && pool_malloc(65520) != NULL && pool_malloc(1) == NULL);
    CHECK("S0.6", !init_one(65521));
#else
    CHECK("S0.6", init_one(65523) && pool_malloc(65523) != NULL && pool_malloc(1) == NULL);
    CHECK("S0.6", !init_one(65524));
#endif
}

static void blocks_are_whole(size_t size, size_t least) {
    static void *blocks[65536];
    CHECK("S0.2", init_one(size));
    size_t count = fill(size, blocks);
    CHECK("S0.8", count >= least);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *bytes = blocks[i];
        CHECK("S0.2", bytes[0] == (i & 0xff) && bytes[size - 1] == (i & 0xff));
        CHECK("S0.8", !BYTE_ALIGNMENT || (uintptr_t)blocks[i] % 8 == 0);
    }
    for (size_t i = 0; i < count; i++) pool_free(blocks[i]);
    CHECK("S0.10", fill(size, blocks) == count); /* none is lost */
}

static void frees(void) {
    const size_t sizes[] = {16, 24, 200};
    CHECK("S0.2", pool_init(sizes, 3));
    char *one = pool_malloc(20), *two = pool_malloc(24);
    CHECK("S0.10", pool_usable_size(one) == 24 && pool_usable_size(one + 1) == 0);
    CHECK("S0.10", pool_try_free(one + 8) == POOL_INTERIOR);
    CHECK("S0.10", pool_try_free(&failures) == POOL_FOREIGN);
    CHECK("S0.10", pool_try_free(NULL) == POOL_FOREIGN);
    CHECK("S0.10", pool_try_free(one) == POOL_FREED);
    CHECK("S0.10", pool_try_free(one) == POOL_NOT_IN_USE);
    pool_free(one);
    CHECK("S0.10", pool_malloc(24) == one);
    CHECK("S0.10", pool_malloc(24) != one); /* a double free hands nothing out twice */
    pool_free(two);
    CHECK("S0.10", pool_malloc(0) == NULL && pool_malloc(201) == NULL);
    CHECK("S0.11", pool_malloc(SIZE_MAX) == NULL && pool_malloc(SIZE_MAX - 6) == NULL);
}

int main(void) {
    before_init();
    init();
    limits();
    blocks_are_whole(8, BYTE_ALIGNMENT ? 8064 : 8063);
    blocks_are_whole(24, 2700);
    blocks_are_whole(1, BYTE_ALIGNMENT ? 8064 : 57600);
    blocks_are_whole(3, BYTE_ALIGNMENT ? 8064 : 20900);
    frees();
    printf("%d failed\n", failures);
    return failures != 0;
}
