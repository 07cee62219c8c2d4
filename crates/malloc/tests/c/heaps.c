/* Heaps as values, as stratalloc.h has them. */
#include "check.h"
#include <pthread.h>
#include <stratalloc.h>

enum { BLOCKS = 20000 };
static unsigned char *blocks[BLOCKS];

static size_t size_of(int i) { return (size_t)1 << (i % 17) | (size_t)i % 13; }

static void fill(stratalloc_heap *heap) {
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = stratalloc_heap_alloc(heap, size_of(i) % 9000);
        CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0);
        mark(blocks[i], size_of(i) % 9000, (unsigned char)i);
    }
    for (int i = 0; i < BLOCKS; i++) {
        CHECK(is_marked(blocks[i], size_of(i) % 9000, (unsigned char)i));
    }
}

static void *elsewhere(void *heap) {
    for (int i = 0; i < BLOCKS; i += 3) {
        stratalloc_heap_free(heap, blocks[i]);
    }
    return NULL;
}

static void resize(stratalloc_heap *heap) {
    unsigned char *block = NULL;
    for (size_t size = 1; size < (size_t)32 << 20; size = size * 3 / 2 + 1) {
        unsigned char *grown = stratalloc_heap_realloc(heap, block, size);
        CHECK(grown != NULL && (block == NULL || grown[0] == 77));
        mark(grown, size, 77);
        block = grown;
    }
    block = stratalloc_heap_realloc(heap, block, 10);
    CHECK(block != NULL && block[0] == 77);
    CHECK(stratalloc_heap_realloc(heap, block, (size_t)1 << 50) == NULL && errno == ENOMEM);
    CHECK(block[0] == 77 && stratalloc_heap_realloc(heap, block, 0) == NULL);
}

static void align(stratalloc_heap *heap) {
    for (size_t alignment = 1; alignment <= (size_t)1 << 29; alignment <<= 1) {
        void *block = stratalloc_heap_aligned_alloc(heap, alignment, 100);
        CHECK(block != NULL && (uintptr_t)block % alignment == 0);
        stratalloc_heap_free(heap, block);
    }
    errno = 0;
    CHECK(stratalloc_heap_aligned_alloc(heap, 24, 100) == NULL && errno == EINVAL);
    CHECK(stratalloc_heap_alloc(heap, SIZE_MAX) == NULL && errno == ENOMEM);
}

int main(void) {
    CHECK_OURS();
    stratalloc_heap *heap = stratalloc_heap_new(), *other = stratalloc_heap_new();
    CHECK(heap != NULL && other != NULL && heap != other);
    for (int round = 0; round < 3; round++) {
        fill(heap);
        CHECK(stratalloc_heap_in_use(heap) > (size_t)BLOCKS * 100);
        stratalloc_heap_reset(heap);
        CHECK(stratalloc_heap_in_use(heap) == 0);
    }
    resize(heap);
    align(heap);
    fill(heap);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, elsewhere, heap) == 0 && pthread_join(thread, NULL) == 0);
    /* What belongs elsewhere is freed there; what belongs here may go to plain free. */
    stratalloc_heap_free(heap, malloc(50));
    stratalloc_heap_free(heap, stratalloc_heap_alloc(other, 50));
    stratalloc_heap_free(heap, NULL);
    free(blocks[1]);
    CHECK(stratalloc_heap_in_use(other) == 0);
    struct stratalloc_stats stats;
    stratalloc_stats(&stats);
    CHECK(stats.in_use >= stratalloc_heap_in_use(heap) && stats.touched >= stats.in_use);
    CHECK(stats.areas >= 3);
    stratalloc_heap_destroy(heap);
    stratalloc_heap_destroy(other);
    stratalloc_heap_destroy(NULL);
    static stratalloc_heap *many[2000];
    int count = 0;
    while (count < 2000 && (many[count] = stratalloc_heap_new()) != NULL) {
        CHECK(stratalloc_heap_alloc(many[count], 100) != NULL);
        count++;
    }
    CHECK(count == 768 && errno == ENOMEM);
    while (count > 0) {
        stratalloc_heap_destroy(many[--count]);
    }
    CHECK((heap = stratalloc_heap_new()) != NULL);
    stratalloc_heap_destroy(heap);
    return 0;
}
