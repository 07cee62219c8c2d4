/* Forks while one thread flushes all streams, and others read lines from theirs, which allocates while
   the stream is locked: fork takes the locks of all three kinds, and nobody waits in a circle. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { READERS = 2, FORKS = 100, LINE = 50000 };
static atomic_int stop;

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

int main(void) {
    CHECK_OURS();
    alarm(300);
    static char text[LINE];
    memset(text, 'x', LINE);
    pthread_t threads[READERS + 1];
    CHECK(pthread_create(&threads[READERS], NULL, flush, NULL) == 0);
    for (int i = 0; i < READERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, read_lines, text) == 0);
    }
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
#ifdef __GLIBC__
            /* musl leaves a stream locked that a thread had locked which the child lacks. */
            fflush(NULL);
#endif
            churn((uint64_t)i, 100, 0);
            _exit(0);
        }
        int status;
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    stop = 1;
    for (int i = 0; i <= READERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    return 0;
}
