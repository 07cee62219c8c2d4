/* A process that limits itself after its start, `as` or `data`: threads and libraries still come, and the limit is kept. */
#include "check.h"
#include <dlfcn.h>
#include <pthread.h>
#include <sys/resource.h>

enum { LIMIT = 300 << 20, SIZE = 1000 };

static void *work(void *unused) {
    churn(3, 5000, 0);
    return unused;
}

/* Takes blocks until there are none, or more than the limit; how many bytes that was. */
static size_t fill(void) {
    size_t bytes = 0;
    void **block, **last = NULL;
    while (bytes <= LIMIT && (block = malloc(SIZE)) != NULL) {
        *block = last;
        last = block;
        bytes += SIZE;
    }
    while (last != NULL) {
        block = *last;
        free(last);
        last = block;
    }
    return bytes;
}

int main(int count, char **arguments) {
    CHECK_OURS();
    CHECK(count == 3);
    churn(1, 10000, 0);
    struct rlimit limit = {LIMIT, LIMIT};
    CHECK(setrlimit(strcmp(arguments[1], "as") == 0 ? RLIMIT_AS : RLIMIT_DATA, &limit) == 0);
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_join(thread, NULL) == 0);
    }
    CHECK(dlopen(arguments[2], RTLD_NOW) != NULL);
    for (int round = 0; round < 3; round++) {
        size_t bytes = fill();
        CHECK(bytes < LIMIT && bytes > LIMIT / 4 * 3);
    }
    churn(2, 10000, 0);
    return 0;
}
