/* A service with a leak among other traffic, for heap profilers: two threads answer requests.
 *
 *     service REQUESTS
 *
 * `audit` is the leak: of the ten records that it makes for a request, it forgets one. `cache` holds as much of
 * the memory by right: its pages replace each other. `parse` and `render` free what they take within the request.
 * It prints the bytes that the two hold at the end, as asked for, and the most resident memory of the process. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 2, PAGES = 2048, RECORDS = 10, NODES = 24 };

struct worker {
    pthread_t thread;
    uint64_t state;
    long requests;
    char *pages[PAGES];
    size_t sizes[PAGES];
    size_t leaked, cached;
};

static size_t below(struct worker *worker, size_t bound) {
    uint64_t *state = &worker->state;
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (size_t)(*state >> 11) % bound;
}

static char *filled(size_t size) {
    char *block = malloc(size);
    if (block == NULL) abort();
    block[0] = block[size - 1] = (char)size;
    return block;
}

__attribute__((noinline)) static void audit(struct worker *worker) {
    char *records[RECORDS];
    for (int i = 0; i < RECORDS; i++) {
        size_t size = 40 + below(worker, 600);
        records[i] = filled(size);
        if (i == 0) worker->leaked += size;
    }
    for (int i = 1; i < RECORDS; i++) free(records[i]);
}

__attribute__((noinline)) static void cache(struct worker *worker) {
    size_t at = below(worker, PAGES), size = 1000 + below(worker, 6000);
    free(worker->pages[at]);
    worker->pages[at] = filled(size);
    worker->cached += size - worker->sizes[at];
    worker->sizes[at] = size;
}

__attribute__((noinline)) static void parse(struct worker *worker) {
    char *nodes[NODES];
    for (int i = 0; i < NODES; i++) nodes[i] = filled(16 + below(worker, 200));
    for (int i = 0; i < NODES; i++) free(nodes[i]);
}

__attribute__((noinline)) static size_t render(struct worker *worker) {
    size_t room = 256, wanted = 1000 + below(worker, 20000);
    char *text = filled(room);
    while (room < wanted) {
        room *= 2;
        text = realloc(text, room);
        if (text == NULL) abort();
    }
    memset(text, ' ', wanted);
    size_t length = (size_t)text[wanted / 2];
    free(text);
    return length;
}

__attribute__((noinline)) static void answer(struct worker *worker) {
    parse(worker);
    audit(worker);
    cache(worker);
    if (render(worker) == 0) abort();
}

static void *serve(void *argument) {
    struct worker *worker = argument;
    for (long i = 0; i < worker->requests; i++) answer(worker);
    return NULL;
}

/* The kernel counts in KiB what was resident at most. */
static long peak(void) {
    char line[256];
    long found = 0;
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL) abort();
    while (fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "VmHWM: %ld", &found) == 1) break;
    }
    fclose(status);
    return found;
}

int main(int argc, char **argv) {
    static struct worker workers[THREADS];
    size_t leaked = 0, cached = 0;
    long requests = argc > 1 ? atol(argv[1]) : 100000;
    for (int i = 0; i < THREADS; i++) {
        workers[i].state = 88172645463325252u + (uint64_t)i;
        workers[i].requests = requests / THREADS;
        if (pthread_create(&workers[i].thread, NULL, serve, &workers[i]) != 0) abort();
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_join(workers[i].thread, NULL) != 0) abort();
        leaked += workers[i].leaked;
        cached += workers[i].cached;
    }
    printf("%zu %zu %ld\n", leaked, cached, peak());
    return 0;
}
