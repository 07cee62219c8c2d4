/* Memory that served one purpose serves another, and blocks hold what is written to them. The hardened build takes nothing of
   it for a write to a freed block. */
#include "check.h"
#include <pthread.h>

#define COUNT 4000
#define ROUNDS 3

static char *blocks[COUNT];
static pthread_barrier_t barrier;

static void allocate(size_t size, int count) {
    for (int i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], 'x', size);
    }
}

static void release(size_t size, int count) {
    for (int i = 0; i < count; i++) {
        CHECK(blocks[i][0] == 'x' && blocks[i][size - 1] == 'x');
        free(blocks[i]);
    }
}

/* Slabs of one size become large blocks, and slabs of other sizes. */
static void from_size_to_size(void) {
    static const size_t sizes[] = {48, 60 << 10, 24, 40, 60 << 10, 1};
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            int count = sizes[i] > 4096 ? 40 : COUNT;
            allocate(sizes[i], count);
            release(sizes[i], count);
        }
    }
}

/* Another thread, whose blocks the first one frees. */
static void *run(void *unused) {
    for (int round = 0; round < ROUNDS; round++) {
        allocate(100, COUNT);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < COUNT; i++) {
            free(malloc(100 + i % 8));
        }
    }
    return unused;
}

/* Blocks of the size of what the library notes other threads' blocks in: it takes them, and gives them back. */
static void between_threads(void) {
    pthread_t thread;
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&barrier);
        char *own[100];
        for (int i = 0; i < 100; i++) {
            own[i] = malloc(240);
        }
        for (int i = 0; i < 100; i++) {
            free(own[i]);
        }
        release(100, COUNT);
        pthread_barrier_wait(&barrier);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    allocate(240, COUNT);
    release(240, COUNT);
}

int main(void) {
    CHECK_OURS();
    from_size_to_size();
    between_threads();
    return 0;
}
