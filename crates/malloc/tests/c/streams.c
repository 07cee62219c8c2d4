/* Forks while one thread flushes all streams, and others read lines from theirs, which allocates while
   the stream is locked: fork takes the locks of all three kinds, and nobody waits in a circle. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { READERS = 2, FORKS = 100, LINE = 50000 };
static atomic_int stop;
static int ready[2];

static void *flush(void *unused) {
    while (!stop) {
        fflush(NULL);
        usleep(20);
    }
    return unused;
}

static void *read_lines(void *text) {
    FILE *stream = fmemopen(text, LINE, "r");
    CHECK(stream != NULL);
    while (!stop) {
        char *line = NULL;
        size_t size = 0;
        rewind(stream);
        CHECK(getline(&line, &size, stream) == LINE);
        free(line);
        /* The locks are not fair: without pauses a fork might wait for long. */
        usleep(20);
    }
    fclose(stream);
    return NULL;
}

static void fork_once(int seed) {
    pid_t child = fork();
    if (child == 0) {
#ifdef __GLIBC__
        /* musl leaves a stream locked that a thread had locked which the child lacks. */
        fflush(NULL);
#endif
        churn((uint64_t)seed, 100, 0);
        _exit(0);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void *allocate_late(void *stream) {
    flockfile(stream);
    CHECK(write(ready[1], "", 1) == 1);
    /* Until the others wait. */
    usleep(300000);
    churn(1, 10, 0);
    funlockfile(stream);
    return NULL;
}

static void *flush_once(void *unused) {
    fflush(NULL);
    return unused;
}

/* Forks while a thread holds a stream that never allocated, and has no heap yet. */
static void fork_before_there_are_heaps(void) {
    FILE *stream = tmpfile();
    char byte;
    pthread_t threads[2];
    CHECK(stream != NULL && pipe(ready) == 0);
    CHECK(pthread_create(&threads[0], NULL, allocate_late, stream) == 0);
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(pthread_create(&threads[1], NULL, flush_once, NULL) == 0);
    usleep(100000);
    fork_once(0);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    fclose(stream);
}

int main(void) {
    CHECK_OURS();
    alarm(300);
    fork_before_there_are_heaps();
    static char text[LINE];
    memset(text, 'x', LINE);
    pthread_t threads[READERS + 1];
    CHECK(pthread_create(&threads[READERS], NULL, flush, NULL) == 0);
    for (int i = 0; i < READERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, read_lines, text) == 0);
    }
    for (int i = 0; i < FORKS; i++) {
        fork_once(i);
    }
    stop = 1;
    for (int i = 0; i <= READERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    return 0;
}
