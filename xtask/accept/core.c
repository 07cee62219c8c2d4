/* Threads with blocks of all kinds, then a crash: for a core dump. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 100 };
static pthread_barrier_t all_there;
static void *kept[THREADS][100];

static void *hold(void *number) {
    void **mine = kept[(size_t)number];
    for (int i = 0; i < 100; i++) {
        size_t size = (size_t)16 << (i % 12);
        mine[i] = memset(malloc(size), 1, size);
    }
    pthread_barrier_wait(&all_there);
    pthread_barrier_wait(&all_there);
    return NULL;
}

int main(void) {
    pthread_barrier_init(&all_there, NULL, THREADS + 1);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, hold, (void *)i);
    }
    pthread_barrier_wait(&all_there);
    abort();
}
