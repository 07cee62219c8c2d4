/* Has blocks of each kind, for a debugger that stops in `stop` and asks what they are. */
#include <pthread.h>
#include "check.h"
#include "stratalloc.h"

#pragma weak stratalloc_describe

void *small, *freed, *large, *others;
static pthread_barrier_t barrier;

__attribute__((noinline)) void stop(void) { __asm__ volatile(""); }

static void *other(void *ignored) {
    (void)ignored;
    others = malloc(300);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

int main(void) {
    CHECK_OURS();
    small = malloc(200);
    freed = malloc(1000);
    large = malloc(1 << 20);
    CHECK(small != NULL && freed != NULL && large != NULL);
    free(freed);
    pthread_t thread;
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, other, NULL) == 0);
    pthread_barrier_wait(&barrier);
    char line[256], start[8];
    size_t length = stratalloc_describe((char *)small + 8, line, sizeof line);
    CHECK(length == strlen(line) && strstr(line, ": 8 bytes into a live block of 208 at ") != NULL);
    CHECK(stratalloc_describe((char *)small + 8, start, sizeof start) == length);
    CHECK(strlen(start) == 7 && strncmp(start, line, 7) == 0);
    CHECK(stratalloc_describe(NULL, NULL, 0) == strlen("0x0: not of this allocator"));
    stop();
    /* Memory is made usable for this while its heap's lock is held. */
    void *whole = malloc(100 << 20);
    CHECK(whole != NULL);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    return 0;
}
