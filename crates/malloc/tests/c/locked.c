/* `THREADS`: a process that locks all its memory, present and future, holds little more than its blocks. Needs a
   privilege; without it, it says so. */
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

enum { SIZES = 64, THREADS = 64 };

struct kept {
    void *blocks[SIZES];
    size_t bytes;
};

static struct kept kept[THREADS];
static pthread_barrier_t all_have;

static void *take_one_of_each(void *place) {
    struct kept *kept = place;
    int i = 0;
    for (size_t size = 16; size <= 262144; size = size * 5 / 4 / 16 * 16 + 16) {
        CHECK((kept->blocks[i] = malloc(size)) != NULL);
        memset(kept->blocks[i++], 1, size);
        kept->bytes += size;
    }
    pthread_barrier_wait(&all_have);
    return NULL;
}

static size_t resident(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1 && fclose(file) == 0);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

int main(int count, char **arguments) {
    CHECK_OURS();
    CHECK(count == 2);
    int threads = atoi(arguments[1]);
    free(malloc(100));
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        puts("not allowed");
        return 0;
    }
    size_t before = resident();
    pthread_t thread;
    pthread_attr_t small;
    CHECK(pthread_attr_init(&small) == 0 && pthread_attr_setstacksize(&small, 65536) == 0);
    CHECK(pthread_barrier_init(&all_have, NULL, (unsigned)threads + 1) == 0);
    for (int i = 0; i < threads; i++) {
        CHECK(pthread_create(&thread, &small, take_one_of_each, &kept[i]) == 0);
    }
    take_one_of_each(&kept[THREADS - 1]);
    size_t bytes = 0;
    for (int i = 0; i < THREADS; i++) {
        bytes += kept[i].bytes;
    }
    size_t full = resident(), most = before + bytes + (size_t)(threads + 1) * (6 << 20);
    CHECK(full < most);
    for (int i = 0; i < THREADS; i++) {
        for (int size = 0; size < SIZES; size++) {
            free(kept[i].blocks[size]);
        }
    }
    malloc_trim(0);
    CHECK(resident() < full - bytes / 2);
    return 0;
}
