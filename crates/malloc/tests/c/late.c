/* The library loaded late, used by threads, and closed while they live. */
#include "check.h"
#include <dlfcn.h>
#include <pthread.h>

static void *(*their_malloc)(size_t);
static void (*their_free)(void *);
static pthread_barrier_t closed;

static void *thread(void *unused) {
    void *block = their_malloc(100);
    mark(block, 100, 1);
    pthread_barrier_wait(&closed);
    pthread_barrier_wait(&closed);
    CHECK(is_marked(block, 100, 1));
    their_free(block);
    for (int i = 0; i < 10000; i++) {
        their_free(their_malloc((size_t)i));
    }
    return unused;
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        dprintf(2, "%s\n", dlerror());
        return 1;
    }
    their_malloc = (void *(*)(size_t))dlsym(library, "malloc");
    their_free = (void (*)(void *))dlsym(library, "free");
    CHECK(their_malloc != malloc);
    pthread_barrier_init(&closed, NULL, 5);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, thread, NULL) == 0);
    }
    pthread_barrier_wait(&closed);
    CHECK(dlclose(library) == 0);
    pthread_barrier_wait(&closed);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    return 0;
}
