/* Thread-local storage of a library loaded late, and dlsym and dlerror, in threads: the dynamic linker
   allocates for each. Built twice: with LIBRARY defined as the library, else as the program, whose
   argument is the library's path. */
#include "check.h"
#include <dlfcn.h>
#include <pthread.h>

#ifdef LIBRARY

static __thread char large[300000] = "begins";
static __thread char small[40];

char *touch(int number) {
    CHECK(memcmp(large, number == 0 ? "begins" : "passed", 6) == 0);
    memcpy(large, "passed", 6);
    large[sizeof large - 1] = small[39] = (char)number;
    return large;
}

#else

static void *thread(void *library) {
    char *(*touch)(int) = (char *(*)(int))dlsym(library, "touch");
    CHECK(touch != NULL);
    char *first = touch(0);
    CHECK(dlsym(library, "no such thing") == NULL && strstr(dlerror(), "no such thing") != NULL);
    churn((uint64_t)(uintptr_t)first, 500, 0);
    CHECK(touch(1) == first && first[299999] == 1);
    return NULL;
}

int main(int count, char **arguments) {
    CHECK_OURS();
    CHECK(count == 2);
    for (int round = 0; round < 50; round++) {
        void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) {
            CHECK(pthread_create(&threads[i], NULL, thread, library) == 0);
        }
        for (int i = 0; i < 4; i++) {
            CHECK(pthread_join(threads[i], NULL) == 0);
        }
        CHECK(dlclose(library) == 0);
    }
    return 0;
}

#endif
