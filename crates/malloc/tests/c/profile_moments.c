/* Has its profile written at a signal, at many signals amid samples, or as the limit refuses a request. */
#include <pthread.h>
#include <signal.h>
#include "check.h"

enum { COUNT = 65536, SIZE = 1024, SIGNALS = 40 };
static void *kept[COUNT];
static int done;

__attribute__((noinline)) void keeper(void) {
    for (int i = 0; i < COUNT && (kept[i] = malloc(SIZE)) != NULL; i++) {
    }
}

/* Signals for the thread that allocates, one after another. */
static void *interrupt(void *main_thread) {
    for (int i = 0; i < SIGNALS; i++) {
        CHECK(pthread_kill(*(pthread_t *)main_thread, SIGUSR2) == 0);
        usleep(1000);
    }
    __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
    return NULL;
}

int main(int argc, char **argv) {
    CHECK_OURS();
    CHECK(argc == 2);
    if (strcmp(argv[1], "amid") == 0) {
        pthread_t own = pthread_self(), other;
        CHECK(pthread_create(&other, NULL, interrupt, &own) == 0);
        for (int seed = 1; !__atomic_load_n(&done, __ATOMIC_ACQUIRE); seed++) churn(seed, 1000, 0);
        pthread_join(other, NULL);
        return 0;
    }
    keeper();
    if (strcmp(argv[1], "signal") == 0) {
        errno = EDOM;
        raise(SIGUSR2);
        CHECK(errno == EDOM);
        give_back(kept, COUNT);
        raise(SIGUSR2);
    } else {
        CHECK(kept[COUNT - 1] == NULL && errno == ENOMEM);
        /* What is held at the second refusal isn't written. */
        give_back(kept, COUNT);
        CHECK(malloc(64 << 20) == NULL);
    }
    return 0;
}
