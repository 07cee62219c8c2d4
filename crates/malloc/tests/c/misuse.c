/* Frees, or uses, what must not be, as the argument says; the process must end with a report. */
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

/* Of C23, which the C library has later than we. */
void free_sized(void *block, size_t size);
void free_aligned_sized(void *block, size_t alignment, size_t size);
size_t malloc_object_size(void *address);
size_t malloc_object_size_fast(void *address);
#pragma weak free_sized
#pragma weak malloc_object_size
#pragma weak malloc_object_size_fast
#pragma weak free_aligned_sized

static char in_data[64];

static void *free_twice(void *block) {
    free(block);
    free(malloc(1000));
    free(block);
    return NULL;
}

/* A double free with others in between. */
static void free_apart(char *block) {
    char *volatile other = malloc(200);
    free(block);
    free(other);
    free(block);
}

/* The same with two blocks of a kind; the process ends at once. */
static void *free_both_apart(void *blocks) {
    char **both = blocks;
    free(both[0]);
    free(both[1]);
    free(both[0]);
    _exit(0);
}

/* In a thread of its own. */
static void free_elsewhere(char *block) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_twice, block) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    malloc_trim(0);
}

static void write_to_freed(size_t size) {
    char *volatile block = malloc(size);
    free(block);
    block[size / 2] = 1;
}

/* So many that all which are free at hand are among them. */
static void allocate_some(size_t size) {
    for (int i = 0; i < 200; i++) {
        CHECK(malloc(size) != NULL);
    }
}

/* A block of no bytes. */
static void use_empty(char *volatile block, const char *what) {
    if (strcmp(what, "twice") == 0) {
        free(block);
        free(block);
    } else if (strcmp(what, "inside") == 0) {
        free(block + 16);
    } else if (strcmp(what, "resized") == 0) {
        free(block);
        free(realloc(block, 100));
    } else if (strcmp(what, "wrong-size") == 0) {
        free_sized(block, 1);
    }
}

int main(int count, char **arguments) {
    CHECK_OURS();
    CHECK(count == 2);
    const char *what = arguments[1];
    char on_stack[64];
    char *volatile small = malloc(200), *volatile large = malloc(100 << 10);
    char *volatile huge = malloc((size_t)5 << 30);
    CHECK(small != NULL && large != NULL && huge != NULL);
    char *volatile pointer = NULL;
    if (strcmp(what, "stack") == 0) {
        pointer = on_stack + 16;
    } else if (strcmp(what, "data") == 0) {
        pointer = in_data;
    } else if (strcmp(what, "mapping") == 0) {
        pointer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    } else if (strcmp(what, "wild") == 0) {
        pointer = (char *)0x1234567890abcdef;
    } else if (strcmp(what, "low") == 0) {
        pointer = (char *)16;
    } else if (strcmp(what, "large-inside") == 0) {
        pointer = large + 64;
    } else if (strcmp(what, "large-twice") == 0) {
        free(large);
        pointer = large;
    } else if (strcmp(what, "twice") == 0) {
        free(small);
        free(small);
        pointer = malloc(200);
    } else if (strcmp(what, "twice-at-call") == 0) {
        free(small);
        free(small);
        _exit(0);
    } else if (strcmp(what, "twice-at-end") == 0) {
        free(small);
        pointer = small;
    } else if (strcmp(what, "twice-apart") == 0) {
        free_apart(small);
    } else if (strcmp(what, "twice-elsewhere") == 0) {
        free_elsewhere(small);
    } else if (strcmp(what, "apart-at-call") == 0) {
        free_both_apart((char *[]){malloc(3000), malloc(3000)});
    } else if (strcmp(what, "apart-elsewhere-at-call") == 0) {
        char *both[] = {small, malloc(200)};
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, free_both_apart, both) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    } else if (strcmp(what, "many-twice") == 0) {
        for (int i = 0; i < 1000; i++) {
            free(malloc(200 + i % 2 * 100));
            free_apart(small);
        }
    } else if (strcmp(what, "inside") == 0) {
        pointer = small + 48;
    } else if (strcmp(what, "unaligned") == 0) {
        pointer = small + 8;
    } else if (strcmp(what, "inside-at-call") == 0) {
        char *volatile page = malloc(4000);
        free(page + 16);
        _exit(0);
    } else if (strcmp(what, "odd") == 0) {
        pointer = small + 1;
    } else if (strcmp(what, "never") == 0) {
        free_elsewhere(small + 208 * 200);
    } else if (strcmp(what, "resized") == 0) {
        free(small);
        pointer = realloc(small, 2000);
    } else if (strcmp(what, "resized-inside") == 0) {
        pointer = realloc(small + 16, 2000);
    } else if (strcmp(what, "measured") == 0) {
        free(small);
        pointer = (char *)malloc_usable_size(small);
    } else if (strcmp(what, "twice-much-later") == 0) {
        free(small);
        for (int i = 0; i < 1000; i++) {
            free(malloc(300));
        }
        free(small);
        _exit(0);
    } else if (strcmp(what, "twice-by-two") == 0) {
        free(small);
        free_elsewhere(small);
        _exit(0);
    } else if (strcmp(what, "past") == 0) {
        small[200] = 1;
        pointer = small;
    } else if (strcmp(what, "past-by-zero") == 0) {
        small[200] = 0;
        pointer = small;
    } else if (strcmp(what, "short-after-free") == 0) {
        write_to_freed(100);
        allocate_some(100);
    } else if (strcmp(what, "after-free") == 0) {
        write_to_freed(200);
        allocate_some(200);
        _exit(0);
    } else if (strcmp(what, "short-after-free-at-end") == 0) {
        write_to_freed(100);
        exit(0);
    } else if (strcmp(what, "after-free-at-end") == 0) {
        write_to_freed(200);
        exit(0);
    } else if (strcmp(what, "sized-freed") == 0) {
        free(small);
        CHECK(malloc_object_size(small) == 0);
        _exit(0);
    } else if (strcmp(what, "sized-never") == 0) {
        CHECK(malloc_object_size_fast(small + 208 * 500) == 0);
        _exit(0);
    } else if (strcmp(what, "before") == 0) {
        small[-1] ^= 1;
        free(small);
        _exit(0);
    } else if (strcmp(what, "before-last") == 0) {
        /* The block, or what lies before it, is looked at as the next is asked for. */
        pointer = malloc(200);
        pointer[-1] ^= 1;
        pointer = malloc(500);
        _exit(0);
    } else if (strcmp(what, "past-last") == 0) {
        pointer = malloc(200);
        pointer[200] = 0;
        pointer = malloc(500);
        _exit(0);
    } else if (strcmp(what, "leaping-back") == 0) {
        /* Not one of the first in its slab. */
        for (int i = 0; i < 6; i++) {
            char *other = malloc(8);
            pointer = other > pointer ? other : pointer;
        }
        pointer[-40] ^= 1;
        free(pointer);
        _exit(0);
    } else if (strcmp(what, "wrong-size") == 0) {
        free_sized(small, 100);
    } else if (strcmp(what, "wrong-size-in-the-class") == 0) {
        free_sized(small, 199);
    } else if (strcmp(what, "short-wrong-size") == 0) {
        free_sized(malloc(100), 60);
    } else if (strcmp(what, "short-wrong-size-in-the-class") == 0) {
        free_sized(malloc(100), 101);
    } else if (strcmp(what, "wrong-size-of-large") == 0) {
        free_sized(large, 100);
    } else if (strcmp(what, "wrong-alignment") == 0) {
        free_aligned_sized(aligned_alloc(64, 200), 4096, 200);
    } else if (strcmp(what, "past-in-the-class") == 0) {
        pointer = malloc(70);
        pointer[70] = 1;
    } else if (strcmp(what, "past-by-few-in-the-class") == 0) {
        pointer = malloc(1090);
        pointer[1090] = 1;
    } else if (strcmp(what, "large-past") == 0) {
        pointer = malloc(100001);
        pointer[100001] = 0;
    } else if (strcmp(what, "far-past") == 0) {
        memset(small, 'x', 230);
        pointer = small;
    } else if (strncmp(what, "empty-", 6) == 0) {
        use_empty(malloc(0), what + 6);
    } else if (strcmp(what, "huge-inside") == 0) {
        pointer = huge + 4096;
    } else if (strcmp(what, "huge-twice") == 0) {
        free(huge);
        pointer = huge;
    }
    free(pointer);
    return 0;
}
