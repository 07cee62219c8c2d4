/* `as KB THREADS` or `data KB THREADS`: with so little from its start on, every thread gets a block of each of many sizes. */
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>

static pthread_barrier_t all_have;

static void *take_one_of_each(void *unused) {
    size_t step;
    for (size_t size = 16; size <= 32000; size += step) {
        unsigned char *block = malloc(size);
        CHECK(block != NULL);
        memset(block, 1, size);
        step = size / 4 < 16 ? 16 : size / 4;
    }
    pthread_barrier_wait(&all_have);
    return unused;
}

/* Nobody takes a limit on the address space up ahead of use: a tenth of it is left for stacks and libraries. */
static void check_room_is_left(void) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    CHECK((rlim_t)status_kilobytes("VmPeak") << 10 < limit.rlim_cur / 10 * 9);
}

static void limit_from_start(char **arguments) {
    rlim_t bytes = (rlim_t)atol(arguments[2]) << 10;
    struct rlimit limit = {bytes, bytes};
    CHECK(setrlimit(strcmp(arguments[1], "as") == 0 ? RLIMIT_AS : RLIMIT_DATA, &limit) == 0);
    execl("/proc/self/exe", arguments[0], "limited", arguments[3], NULL);
    CHECK(!"exec");
}

int main(int count, char **arguments) {
    CHECK_OURS();
    CHECK(count >= 3);
    if (count == 4) {
        limit_from_start(arguments);
    }
    int threads = atoi(arguments[2]);
    pthread_t thread;
    pthread_attr_t small;
    CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 65536) == 0);
    CHECK(pthread_barrier_init(&all_have, NULL, (unsigned)threads + 1) == 0);
    for (int i = 0; i < threads; i++) {
        CHECK(pthread_create(&thread, &small, take_one_of_each, NULL) == 0);
    }
    pthread_barrier_wait(&all_have);
    check_room_is_left();
    return 0;
}
