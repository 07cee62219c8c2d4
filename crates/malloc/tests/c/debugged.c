/* Has blocks of each kind, for a debugger that stops in `stop` and asks what they are. */
#include <pthread.h>
#include <sys/mman.h>
#include "check.h"
#include "stratalloc.h"

#pragma weak stratalloc_describe
#pragma weak stratalloc_heap_new
#pragma weak stratalloc_heap_alloc

/* Blocks of 32 KiB, of which a thread's stock holds eight. */
enum { MANY = 40, LONG = 32768, HUGE = 5 };

void *small, *freed, *large, *others, *whole, *huge, *given_back, *unused, *of_heap;
static pthread_barrier_t barrier;

__attribute__((noinline)) void stop(void) { __asm__ volatile(""); }

static void *other(void *ignored) {
    (void)ignored;
    others = malloc(300);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

/* Blocks that only a look at the books tells apart, for a debugger that has nothing else. */
static void prepare_more(void) {
    void *blocks[MANY];
    take(blocks, MANY, LONG);
    /* The last one keeps their segment in use. */
    give_back(blocks, MANY - 1);
    given_back = blocks[0];
    unused = (char *)malloc(48) + 48 * 1000;
    whole = malloc(20 << 20);
    huge = malloc((size_t)HUGE << 30);
    CHECK(whole != NULL && huge != NULL);
    /* A core dump would have all of it. */
    CHECK(madvise(huge, (size_t)HUGE << 30, MADV_DONTDUMP) == 0);
    of_heap = stratalloc_heap_alloc(stratalloc_heap_new(), 100);
    CHECK(of_heap != NULL);
}

int main(void) {
    CHECK_OURS();
    prepare_more();
    small = malloc(200);
    freed = malloc(1000);
    large = malloc(1 << 20);
    CHECK(small != NULL && freed != NULL && large != NULL);
    pthread_t thread;
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, other, NULL) == 0);
    pthread_barrier_wait(&barrier);
    /* A class that begins would have the memory. */
    free(freed);
    char line[256], start[8];
    size_t length = stratalloc_describe((char *)small + 8, line, sizeof line);
    CHECK(length == strlen(line) && strstr(line, ": 8 bytes into a live block of 208 at ") != NULL);
    CHECK(stratalloc_describe((char *)small + 8, start, sizeof start) == length);
    CHECK(strlen(start) == 7 && strncmp(start, line, 7) == 0);
    CHECK(stratalloc_describe(NULL, NULL, 0) == strlen("0x0: not of this allocator"));
    stop();
    /* Memory is made usable for this while its heap's lock is held. */
    CHECK(malloc(100 << 20) != NULL);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    return 0;
}
