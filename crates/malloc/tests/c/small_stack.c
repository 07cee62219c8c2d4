/* Figures on a thread's smallest stack, which holds its thread-local data too. */
#include "check.h"
#include <malloc.h>
#include <pthread.h>

enum { STACK = 16384 };

static void *print(void *unused) {
    malloc_stats();
    return unused;
}

static void *inform(void *stream) {
    CHECK(malloc_info(0, stream) == 0);
    return NULL;
}

static void on_small_stack(void *(*act)(void *), void *argument) {
    pthread_attr_t small;
    CHECK(pthread_attr_init(&small) == 0);
    CHECK(pthread_attr_setstacksize(&small, STACK) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, &small, act, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void) {
    CHECK_OURS();
    churn(1, 2000, 0);
    FILE *stream = fopen("/dev/null", "w");
    CHECK(stream != NULL);
    on_small_stack(print, NULL);
    puts("malloc_stats");
    on_small_stack(inform, stream);
    puts("malloc_info");
    CHECK(fclose(stream) == 0);
    return 0;
}
