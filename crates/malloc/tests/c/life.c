/* Calls before main, after it, and while threads end. */
#include "check.h"
#include <pthread.h>

static void *from_constructor;
static pthread_key_t key;
static __thread char *own;

__attribute__((constructor(101))) static void first(void) {
    CHECK_OURS();
    from_constructor = malloc(1000);
    mark(from_constructor, 1000, 1);
}

static void at_exit(void) {
    CHECK(is_marked(from_constructor, 1000, 1));
    free(from_constructor);
    churn(2, 2000, 0);
    write(1, "at exit\n", 8);
}

__attribute__((destructor)) static void last(void) {
    churn(3, 2000, 0);
    write(1, "destructor\n", 11);
}

/* Runs when a thread ends, maybe after the allocator's own destructor: again and again, as long as
   it sets the key anew. */
static void thread_ends(void *value) {
    churn(4, 500, 0);
    free(own);
    own = malloc(50);
    if ((intptr_t)value > 1) {
        pthread_setspecific(key, (void *)((intptr_t)value - 1));
    } else {
        free(own);
    }
}

static void *thread(void *start) {
    pthread_setspecific(key, (void *)4);
    own = malloc(100);
    mark(own, 100, 5);
    free(start);
    churn(5, 2000, 0);
    CHECK(is_marked(own, 100, 5));
    return malloc(300);
}

static void *outlives_main(void *main_thread) {
    CHECK(pthread_join(*(pthread_t *)main_thread, NULL) == 0);
    free(main_thread);
    churn(6, 2000, 0);
    write(1, "after main\n", 11);
    exit(0);
}

int main(void) {
    atexit(at_exit);
    pthread_key_create(&key, thread_ends);
    for (int round = 0; round < 20; round++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) {
            /* A thread whose first call may be a free of another's block. */
            CHECK(pthread_create(&threads[i], NULL, thread, malloc(200)) == 0);
        }
        for (int i = 0; i < 4; i++) {
            void *result;
            CHECK(pthread_join(threads[i], &result) == 0);
            free(result);
        }
    }
    pthread_t other, *self = malloc(sizeof *self);
    *self = pthread_self();
    CHECK(pthread_create(&other, NULL, outlives_main, self) == 0);
    pthread_setspecific(key, (void *)4);
    pthread_exit(NULL);
}
