/* Forks while threads start, hence while heaps are made: a child finds each of them whole. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { THREADS = 400 };
static atomic_int born, forks;
static pthread_barrier_t over;

static void *thread(void *seed) {
    churn((uint64_t)(uintptr_t)seed, 20, 0);
    born++;
    pthread_barrier_wait(&over);
    return NULL;
}

static void *give_birth(void *unused) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 << 10);
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_t born;
        CHECK(pthread_create(&born, &small, thread, (void *)i) == 0);
        CHECK(pthread_detach(born) == 0);
        /* However the threads are scheduled, the later ones are born among forks. */
        while (i == THREADS / 2 && forks == 0) {
            sched_yield();
        }
    }
    return unused;
}

int main(void) {
    CHECK_OURS();
    pthread_barrier_init(&over, NULL, THREADS + 1);
    pthread_t mother;
    CHECK(pthread_create(&mother, NULL, give_birth, NULL) == 0);
    while (born < THREADS) {
        pid_t child = fork();
        if (child == 0) {
            alarm(300);
            churn(1, 50, 0);
            malloc_trim(0);
            CHECK(mallinfo2().arena > 0);
            churn(2, 50, 0);
            _exit(0);
        }
        int status;
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
        forks++;
    }
    pthread_barrier_wait(&over);
    CHECK(pthread_join(mother, NULL) == 0);
    return 0;
}
