/* A program with known allocations, for those who read its gauges.
   `end`: holds blocks, and ends. `fork`: its child holds blocks, and it ends at once. `wait`: as `end`, with a thread beside
   it, until nothing is left to read. */

#include "check.h"
#include <pthread.h>
#include <sys/wait.h>

enum { BLOCKS = 1000, SIZE = 5000, LARGE = 3, LARGE_SIZE = 10 << 20 };

static void *kept[BLOCKS + LARGE];

static void hold(void) {
    for (int i = 0; i < BLOCKS + LARGE; i++) {
        size_t size = i < BLOCKS ? SIZE : LARGE_SIZE;
        kept[i] = malloc(size);
        CHECK(kept[i]);
        memset(kept[i], 1, size);
    }
}

static void wait_for_end(void) {
    char letter;
    while (read(0, &letter, 1) > 0) {
    }
}

/* Holds nothing in the end, but has a stock. */
static void *thread(void *unused) {
    void *blocks[1000];
    for (int i = 0; i < 1000; i++)
        blocks[i] = malloc(200);
    for (int i = 0; i < 1000; i++)
        free(blocks[i]);
    wait_for_end();
    return unused;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    if (!strcmp(argv[1], "fork")) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (!child) {
            hold();
            exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        _exit(0);
    }
    hold();
    if (!strcmp(argv[1], "wait")) {
        pthread_t beside;
        CHECK(!pthread_create(&beside, NULL, thread, NULL));
        wait_for_end();
        CHECK(!pthread_join(beside, NULL));
    }
    return 0;
}
