/* Tags, as stratalloc.h has them, and heaps with a limit. */
#include "check.h"
#include <pthread.h>
#include <stratalloc.h>

/* For a library that is preloaded. */
#pragma weak stratalloc_tag_named
#pragma weak stratalloc_tag_name
#pragma weak stratalloc_tag_enter
#pragma weak stratalloc_tag_leave
#pragma weak stratalloc_tag_current
#pragma weak stratalloc_tag_of
#pragma weak stratalloc_tag_figures
#pragma weak stratalloc_tag_set_limit
#pragma weak stratalloc_heap_new_limited
#pragma weak stratalloc_heap_alloc
#pragma weak stratalloc_heap_reset
#pragma weak stratalloc_heap_destroy

enum { BLOCKS = 5000, SIZE = 200, HELD = 208 };
static void *blocks[BLOCKS];
static stratalloc_tag *rendering, *cache;

static struct stratalloc_tag_figures figures_of(const stratalloc_tag *tag) {
    struct stratalloc_tag_figures figures;
    stratalloc_tag_figures(tag, &figures);
    return figures;
}

static void *free_some(void *ignored) {
    (void)ignored;
    /* A thread begins in no tag, whichever its maker is in. */
    CHECK(stratalloc_tag_current() == NULL);
    give_back(blocks, BLOCKS / 2);
    return NULL;
}

static void name(void) {
    char text[8], name[70];
    rendering = stratalloc_tag_named("rendering");
    cache = stratalloc_tag_named("cache");
    CHECK(rendering != NULL && cache != NULL && rendering != cache);
    CHECK(stratalloc_tag_named("rendering") == rendering);
    CHECK(stratalloc_tag_name(rendering, text, sizeof text) == 9 && strcmp(text, "renderi") == 0);
    CHECK(stratalloc_tag_name(rendering, NULL, 0) == 9);
    memset(name, 'n', sizeof name);
    name[65] = 0;
    const char *bad[] = {NULL, "", name, "\xff"};
    for (int i = 0; i < 4; i++) {
        errno = 0;
        CHECK(stratalloc_tag_named(bad[i]) == NULL && errno == EINVAL);
    }
    name[64] = 0;
    stratalloc_tag *longest = stratalloc_tag_named(name);
    char whole[70];
    CHECK(longest != NULL && stratalloc_tag_name(longest, whole, sizeof whole) == 64);
    CHECK(strcmp(whole, name) == 0);
}

static void count(void) {
    CHECK(stratalloc_tag_current() == NULL);
    stratalloc_tag *before = stratalloc_tag_enter(rendering);
    CHECK(before == NULL && stratalloc_tag_current() == rendering);
    take(blocks, BLOCKS, SIZE);
    stratalloc_tag *outer = stratalloc_tag_enter(cache);
    CHECK(outer == rendering && stratalloc_tag_current() == cache);
    void *kept = malloc(100000);
    stratalloc_tag_leave(outer);
    CHECK(stratalloc_tag_current() == rendering);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_some, NULL) == 0 && pthread_join(thread, NULL) == 0);
    stratalloc_tag_leave(before);
    CHECK(stratalloc_tag_current() == NULL);
    void *other = malloc(SIZE);
    CHECK(stratalloc_tag_of(kept) == cache && stratalloc_tag_of(other) == NULL);
    CHECK(stratalloc_tag_of((char *)blocks[BLOCKS - 1] + 50) == rendering);
    CHECK(stratalloc_tag_of(NULL) == NULL && stratalloc_tag_of(&thread) == NULL);
    CHECK(figures_of(cache).live_blocks == 1 && figures_of(cache).live_bytes == 102400);
    give_back(&kept, 1);
    free(other);
    CHECK(figures_of(cache).live_bytes == 0 && figures_of(cache).peak_bytes == 102400);
}

/* The C library allocates for a thread that it starts, which counts too. */
static void check_figures(void) {
    struct stratalloc_tag_figures half = figures_of(rendering);
    CHECK(half.live_blocks >= BLOCKS / 2 && half.live_blocks < BLOCKS / 2 + 10);
    CHECK(half.peak_bytes >= (size_t)BLOCKS * HELD && half.allocated_blocks >= BLOCKS);
    CHECK(half.allocated_bytes >= (unsigned long long)BLOCKS * HELD && half.limit == SIZE_MAX);
    give_back(blocks + BLOCKS / 2, BLOCKS - BLOCKS / 2);
    struct stratalloc_tag_figures none = figures_of(rendering);
    CHECK(half.live_blocks - none.live_blocks == BLOCKS - BLOCKS / 2);
    CHECK(half.live_bytes - none.live_bytes == (size_t)(BLOCKS - BLOCKS / 2) * HELD);
}

static void limit(void) {
    CHECK(stratalloc_tag_set_limit(cache, 1 << 20) == 0 && figures_of(cache).limit == 1 << 20);
    stratalloc_tag *before = stratalloc_tag_enter(cache);
    errno = 0;
    CHECK(malloc(2 << 20) == NULL && errno == ENOMEM);
    void *fitting = malloc(500000);
    CHECK(fitting != NULL && figures_of(cache).held >= 500000);
    stratalloc_tag_leave(before);
    errno = 0;
    CHECK(stratalloc_tag_set_limit(cache, 100000) == -1 && errno == ENOMEM);
    CHECK(figures_of(cache).limit == 1 << 20);
    void *outside = malloc(2 << 20);
    CHECK(outside != NULL);
    CHECK(stratalloc_tag_set_limit(cache, SIZE_MAX) == 0 && figures_of(cache).limit == SIZE_MAX);
    free(fitting);
    free(outside);
}

static void limit_heap(void) {
    stratalloc_heap *heap = stratalloc_heap_new_limited(1 << 20);
    CHECK(heap != NULL);
    for (int round = 0; round < 3; round++) {
        int count = 0;
        errno = 0;
        while (stratalloc_heap_alloc(heap, 1000) != NULL) count++;
        CHECK(errno == ENOMEM && count > 800 && count < 1049);
        stratalloc_heap_reset(heap);
    }
    stratalloc_heap_destroy(heap);
}

int main(void) {
    CHECK_OURS();
    name();
    count();
    check_figures();
    limit();
    limit_heap();
    return 0;
}
