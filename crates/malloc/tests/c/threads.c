/* `serial N`: N threads one after another. `crowd N`: N threads at once. Memory stays bounded. */
#include "check.h"
#include <pthread.h>

static pthread_barrier_t all_there;

static void *one(void *from_main) {
    free(from_main);
    churn((uint64_t)(uintptr_t)from_main, 100, 0);
    return malloc(128);
}

static void *of_crowd(void *from_main) {
    free(from_main);
    void *blocks[20];
    for (int i = 0; i < 20; i++) {
        blocks[i] = malloc((size_t)16 << i % 10);
        mark(blocks[i], (size_t)16 << i % 10, (unsigned char)i);
    }
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < 20; i++) {
        CHECK(is_marked(blocks[i], (size_t)16 << i % 10, (unsigned char)i));
        free(blocks[i]);
    }
    return malloc(64);
}

int main(int count, char **arguments) {
    CHECK_OURS();
    CHECK(count == 3);
    int number = atoi(arguments[2]);
    if (strcmp(arguments[1], "serial") == 0) {
        for (int i = 0; i < number; i++) {
            pthread_t thread;
            void *result;
            CHECK(pthread_create(&thread, NULL, one, malloc(64)) == 0);
            CHECK(pthread_join(thread, &result) == 0);
            free(result);
        }
        CHECK(status_kilobytes("VmHWM") < 64 << 10);
        return 0;
    }
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 << 10);
    pthread_t *threads = calloc((size_t)number, sizeof *threads);
    for (int round = 0; round < 2; round++) {
        pthread_barrier_init(&all_there, NULL, (unsigned)number);
        for (int i = 0; i < number; i++) {
            CHECK(pthread_create(&threads[i], &small, of_crowd, malloc(64)) == 0);
        }
        for (int i = 0; i < number; i++) {
            void *result;
            CHECK(pthread_join(threads[i], &result) == 0);
            free(result);
        }
    }
    free(threads);
    return 0;
}
