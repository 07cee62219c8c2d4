/* fork in a threaded program, vfork and posix_spawn. Argument: how many forks; or `nothing`, for what is spawned. */
#include "check.h"
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

extern char **environ;
static atomic_int stop;
static pthread_barrier_t all_have_heaps;

static void *busy(void *seed) {
    churn((uint64_t)(intptr_t)seed, 200, 0);
    pthread_barrier_wait(&all_have_heaps);
    while (!atomic_load(&stop)) {
        churn((uint64_t)(intptr_t)seed, 200, 0);
    }
    return NULL;
}

static void wait_for(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* How many areas of address space the allocator has, from the last line of malloc_info. */
static int areas(void) {
    char *text, *found;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    CHECK(stream != NULL && malloc_info(0, stream) == 0 && fclose(stream) == 0);
    found = strstr(text, "<areas count=\"");
    CHECK(found != NULL);
    int count = atoi(found + strlen("<areas count=\""));
    free(text);
    return count;
}

static void *in_child(void *unused) {
    churn(9, 100, 0);
    return unused;
}

int main(int count, char **arguments) {
    CHECK_OURS();
    if (count > 1 && strcmp(arguments[1], "nothing") == 0) {
        return 0;
    }
    int forks = count > 1 ? atoi(arguments[1]) : 100;
    pthread_t threads[3];
    pthread_barrier_init(&all_have_heaps, NULL, 4);
    for (intptr_t i = 0; i < 3; i++) {
        CHECK(pthread_create(&threads[i], NULL, busy, (void *)(i + 1)) == 0);
    }
    pthread_barrier_wait(&all_have_heaps);
    for (int i = 0; i < forks; i++) {
        char *block = malloc(500);
        mark(block, 500, 7);
        pid_t child = fork();
        if (child == 0) {
            CHECK(is_marked(block, 500, 7));
            free(block);
            churn((uint64_t)i, 200, 0);
            if (i % 50 == 0) {
                /* As many threads as the parent has: they find the heaps of those. */
                int before = areas();
                pthread_t own[3];
                for (int j = 0; j < 3; j++) {
                    CHECK(pthread_create(&own[j], NULL, in_child, NULL) == 0);
                }
                for (int j = 0; j < 3; j++) {
                    CHECK(pthread_join(own[j], NULL) == 0);
                }
                CHECK(areas() == before);
            }
            _exit(0);
        }
        wait_for(child);
        CHECK(is_marked(block, 500, 7));
        free(block);
    }
    for (int i = 0; i < 20; i++) {
        char *program[] = {"/proc/self/exe", "nothing", NULL};
        pid_t child = vfork();
        if (child == 0) {
            execv(program[0], program);
            _exit(1);
        }
        wait_for(child);
        CHECK(posix_spawn(&child, program[0], NULL, NULL, program, environ) == 0);
        wait_for(child);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    return 0;
}
