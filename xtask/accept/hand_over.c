// One thread allocates, another frees: 1 MiB is live at any time, and little more is resident.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>

enum { OBJECTS = 10000000, SIZE = 64, RING = (1 << 20) / SIZE, MOST_KIB = 16 << 10 };

static _Atomic(char *) ring[RING];

static void *produce(void *unused) {
    (void)unused;
    for (int i = 0; i < OBJECTS; i++) {
        char *object = malloc(SIZE);
        if (!object) abort();
        memset(object, i & 127, SIZE);
        while (atomic_load_explicit(&ring[i % RING], memory_order_relaxed)) sched_yield();
        atomic_store_explicit(&ring[i % RING], object, memory_order_release);
    }
    return NULL;
}

static long sound;

static void *consume(void *unused) {
    (void)unused;
    for (int i = 0; i < OBJECTS; i++) {
        char *object;
        while (!(object = atomic_load_explicit(&ring[i % RING], memory_order_acquire))) sched_yield();
        sound += object[0] == (i & 127) && object[SIZE - 1] == (i & 127);
        free(object);
        atomic_store_explicit(&ring[i % RING], NULL, memory_order_relaxed);
    }
    return NULL;
}

// The most that was ever resident, in KiB.
static long peak(void) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kib);
    if (status) fclose(status);
    return kib;
}

int main(void) {
    pthread_t producer, consumer;
    pthread_create(&producer, NULL, produce, NULL);
    pthread_create(&consumer, NULL, consume, NULL);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    long kib = peak();
    fprintf(stderr, "%ld KiB resident at most\n", kib);
    printf("%ld objects sound, resident memory %s\n", sound, kib > 0 && kib < MOST_KIB ? "bounded" : "TOO LARGE");
    return !(sound == OBJECTS && kib > 0 && kib < MOST_KIB);
}
