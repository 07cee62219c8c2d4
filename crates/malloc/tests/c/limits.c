/* Memory runs out: `as SIZE` and `data SIZE` (resource limits, blocks of a size), `maps` (vm.max_map_count used up). NULL with
   ENOMEM then, and all is usable again when the pressure is gone. `as-others SIZE`: what one size had serves others. `maps-served`:
   small blocks come though there are no more mappings. `maps-first`: and though no block of their sizes ever did. */
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { BLOCKS = 600000 };
static void *blocks[BLOCKS];

/* Takes blocks until there are none; how many there were. */
static int exhaust(size_t size) {
    int count = 0;
    errno = 0;
    while (count < BLOCKS && (blocks[count] = malloc(size)) != NULL) {
        mark(blocks[count], size, (unsigned char)count);
        count++;
    }
    CHECK(count < BLOCKS && errno == ENOMEM);
    return count;
}

static void give_all_back(int count, size_t size) {
    for (int i = 0; i < count; i++) {
        CHECK(is_marked(blocks[i], size, (unsigned char)i));
        free(blocks[i]);
    }
}

static void *under_pressure(void *unused) {
    churn(7, 5000, 1);
    return unused;
}

static void squeeze(int resource, size_t size) {
    struct rlimit limit;
    getrlimit(resource, &limit);
    limit.rlim_cur = (rlim_t)400 << 20;
    CHECK(setrlimit(resource, &limit) == 0);
    for (int round = 0; round < 3; round++) {
        int count = exhaust(size);
        CHECK((size_t)count * size > (size_t)200 << 20);
        pthread_t thread;
        if (pthread_create(&thread, NULL, under_pressure, NULL) == 0) {
            CHECK(pthread_join(thread, NULL) == 0);
        }
        CHECK(malloc((size_t)1 << 40) == NULL && errno == ENOMEM);
        CHECK(calloc(1 << 20, 1 << 20) == NULL && errno == ENOMEM);
        give_all_back(count, size);
    }
    churn(8, 100000, 0);
}

/* Fills 20 MiB more than there are with blocks of one size, and wants others when these are freed. */
static void serve_others(size_t size) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld", &pages) == 1 && fclose(file) == 0);
    rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (20 << 20);
    struct rlimit limit = {bytes, bytes};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    int count = exhaust(size);
    CHECK((size_t)count * size > (size_t)14 << 20);
    give_all_back(count, size);
    for (size_t other = 16; other <= (size_t)8 << 20; other *= 2) {
        for (int i = 0; i < 4; i++) {
            void *block = malloc(other + (size_t)i * (other / 4));
            CHECK(block != NULL);
            mark(block, other, 1);
            free(block);
        }
    }
}

/* Mappings that the kernel can't make one, until it grants no more. */
static void take_all_maps(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; mmap(NULL, page, i % 2 ? PROT_NONE : PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; i++) {
    }
}

enum { SIZES = 24, EACH = 300 };
static size_t sizes[SIZES];

static void take_each(int count) {
    for (int i = 0; i < count; i++) {
        size_t size = sizes[i % SIZES];
        void *block = malloc(size);
        CHECK(block != NULL);
        mark(block, size, 7);
    }
}

static pthread_barrier_t no_maps;

/* By a thread that has so many blocks before. */
static void *take_each_later(void *count) {
    take_each((int)(intptr_t)count);
    pthread_barrier_wait(&no_maps);
    pthread_barrier_wait(&no_maps);
    take_each(SIZES * EACH);
    return NULL;
}

static void serve_without_maps(int first) {
    for (int i = 0; i < SIZES; i++) {
        sizes[i] = i == 0 ? 16 : sizes[i - 1] + (sizes[i - 1] / 4 + 15) / 16 * 16;
        CHECK(sizes[i] <= 32768);
    }
    pthread_t thread;
    pthread_barrier_init(&no_maps, NULL, 2);
    CHECK(pthread_create(&thread, NULL, take_each_later, (void *)(intptr_t)first) == 0);
    take_each(first ? 1 : SIZES);
    pthread_barrier_wait(&no_maps);
    take_all_maps();
    take_each(SIZES * EACH);
    pthread_barrier_wait(&no_maps);
    CHECK(pthread_join(thread, NULL) == 0);
    /* A class that was never used takes its place beside one that was. */
    CHECK(malloc(20) != NULL && malloc(56) != NULL && malloc(3000) != NULL && malloc(100) != NULL);
}

static void use_up_maps(void) {
    long most = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    CHECK(file != NULL && fscanf(file, "%ld", &most) == 1 && fclose(file) == 0);
    if (most > 2000000) {
        return; /* Where there are as good as no limits, the kernel's own memory would be used up. */
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = page * (size_t)most * 2;
    char *space = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(space != MAP_FAILED);
    size_t used = page;
    while (used < size && mprotect(space + used, page, PROT_READ) == 0) {
        used += 2 * page;
    }
    CHECK(used < size);
    for (int i = 0; i < 200; i++) {
        churn((uint64_t)i, 1000, 1);
        free(malloc((size_t)3 << 20));
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, under_pressure, NULL) == 0) {
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(munmap(space, size) == 0);
    churn(10, 100000, 0);
    free(memset(malloc((size_t)3 << 20), 1, (size_t)3 << 20));
}

int main(int count, char **arguments) {
    CHECK_OURS();
    CHECK(count >= 2);
    if (strcmp(arguments[1], "as") == 0) {
        squeeze(RLIMIT_AS, (size_t)atol(arguments[2]));
    } else if (strcmp(arguments[1], "data") == 0) {
        squeeze(RLIMIT_DATA, (size_t)atol(arguments[2]));
    } else if (strcmp(arguments[1], "as-others") == 0) {
        serve_others((size_t)atol(arguments[2]));
    } else if (strncmp(arguments[1], "maps-", 5) == 0) {
        serve_without_maps(strcmp(arguments[1], "maps-first") == 0);
    } else {
        use_up_maps();
    }
    return 0;
}
