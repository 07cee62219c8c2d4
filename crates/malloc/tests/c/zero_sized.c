/* Blocks of no bytes are blocks: each has an address of its own, and may be resized and freed by any thread. With the argument
   `unusable`, as in the hardened build, their content can't be used. */
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define COUNT 5000
#define THREADS 4

static void *blocks[THREADS][COUNT];

static void *fill(void *row) {
    for (int i = 0; i < COUNT; i++) {
        CHECK((((void **)row)[i] = malloc(0)) != NULL);
    }
    return NULL;
}

static void *release(void *row) {
    for (int i = 0; i < COUNT; i++) {
        free(((void **)row)[i]);
    }
    return NULL;
}

static int by_address(const void *one, const void *other) {
    uintptr_t a = *(const uintptr_t *)one, b = *(const uintptr_t *)other;
    return (a > b) - (a < b);
}

/* Each thread fills a row, and frees another's. */
static void by_threads(void) {
    static void *all[THREADS * COUNT];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, fill, blocks[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    memcpy(all, blocks, sizeof all);
    qsort(all, THREADS * COUNT, sizeof *all, by_address);
    for (int i = 1; i < THREADS * COUNT; i++) {
        CHECK(all[i] != all[i - 1]);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, release, blocks[(i + 1) % THREADS]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void aligned(void) {
    for (size_t alignment = 16; alignment <= 64 << 10; alignment *= 2) {
        void *one = aligned_alloc(alignment, 0), *other = memalign(alignment, 0);
        CHECK(one != NULL && other != NULL && one != other);
        CHECK((uintptr_t)one % alignment == 0 && (uintptr_t)other % alignment == 0);
        free(one);
        free(other);
    }
}

static void resized(void) {
    char *block = realloc(malloc(0), 100);
    CHECK(block != NULL && malloc_usable_size(block) >= 100);
    memset(block, 'x', 100);
    CHECK(realloc(block, 0) == NULL);
    block = realloc(calloc(0, 8), 200 << 10);
    CHECK(block != NULL);
    memset(block, 'x', 200 << 10);
    free(block);
}

/* How a child ends that reads, or writes to, a block of no bytes of the parent's. */
static int signal_of(int writes) {
    char *volatile block = malloc(0);
    pid_t child = fork();
    if (child == 0) {
        if (writes) {
            *(volatile char *)block = 1;
        } else {
            (void)*(volatile char *)block;
        }
        free(block);
        _exit(0);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    free(block);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int main(int count, char **arguments) {
    CHECK_OURS();
    int unusable = count == 2 && strcmp(arguments[1], "unusable") == 0;
    by_threads();
    aligned();
    resized();
    for (int writes = 0; writes < 2; writes++) {
        CHECK(signal_of(writes) == (unusable ? SIGSEGV : 0));
    }
    void *block = malloc(0);
    CHECK((malloc_usable_size(block) == 0) == unusable);
    free(block);
    return 0;
}
