// Forks while other threads allocate; the child and the parent both go on to do so.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, SLOTS = 64 };

static atomic_int stop;
static _Atomic(char *) exchange[SLOTS];

// Allocates and frees, also blocks of other threads.
static void churn(unsigned *state, int times) {
    for (int i = 0; i < times; i++) {
        *state = *state * 1103515245u + 12345u;
        size_t size = 1 + (*state >> 16) % (i % 50 ? 1000 : 100000);
        char *block = malloc(size);
        if (!block) abort();
        block[0] = block[size - 1] = 1;
        free(atomic_exchange(&exchange[*state % SLOTS], block));
    }
}

static void *in_thread(void *argument) {
    unsigned state = (unsigned)(size_t)argument;
    while (!stop) churn(&state, 100);
    return NULL;
}

static void child(unsigned state) {
    churn(&state, 2000);
    pthread_t thread;
    stop = 1;
    if (pthread_create(&thread, NULL, in_thread, (void *)1)) _exit(2);
    pthread_join(thread, NULL);
    free(calloc(1000, 1000));
    _exit(0);
}

int main(int count, char **arguments) {
    int forks = count > 1 ? atoi(arguments[1]) : 100, good = 0;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, in_thread, (void *)i);
    unsigned state = 99;
    for (int i = 0; i < forks; i++) {
        pid_t pid = fork();
        if (pid == 0) child((unsigned)i);
        churn(&state, 100);
        int status = 1;
        waitpid(pid, &status, 0);
        good += status == 0;
    }
    stop = 1;
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("%d of %d children went on to allocate\n", good, forks);
    return good != forks;
}
