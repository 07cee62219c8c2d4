/* Cases of misuse: each does one wrong thing, and writes marks that tell how far it came.

   Without an argument a program prints the names of its cases; with one it runs that case. What it writes:

     done   the wrong call came back, or what was written wrongly was freed
     harm   a later call was harmed: two live blocks overlap, what was freed can still be read, or another has its place
     gone   what was freed can't be read any more, or has its place for itself, which is all that is wanted
     end    all that follows went by, and the process ends

   It exits with 77 where what it needs isn't there. */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct misuse {
    const char *name;
    void (*run)(void);
};

static void mark(const char *word) {
    if (write(STDOUT_FILENO, word, strlen(word)) < 0) {
        _exit(1);
    }
}

static void done(void) {
    mark("done\n");
}

static void harm(void) {
    mark("harm\n");
}

static void not_there(void) {
    _exit(77);
}

/* A block of this size, written to as programs do; no case is about memory that is out. */
static char *block(size_t size) {
    char *block = malloc(size);
    if (block == NULL) {
        not_there();
    }
    memset(block, 'x', size < 65536 ? size : 65536);
    return block;
}

static void *call(void *run) {
    ((void (*)(void))run)();
    return NULL;
}

/* Runs it in a thread of its own, to its end. */
static void in_thread(void (*run)(void)) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, call, (void *)run) != 0 || pthread_join(thread, NULL) != 0) {
        _exit(1);
    }
}

#define PROBES 300

/* Allocates many blocks of a size, and looks whether two of them overlap; then frees them. */
static void probe(size_t size) {
    static char *blocks[PROBES];
    int overlapping = 0;
    for (int i = 0; i < PROBES; i++) {
        blocks[i] = malloc(size);
        for (int j = 0; j < i; j++) {
            ptrdiff_t distance = blocks[i] - blocks[j];
            overlapping |= distance < (ptrdiff_t)size && -distance < (ptrdiff_t)size;
        }
    }
    if (overlapping) {
        harm();
    }
    for (int i = 0; i < PROBES; i++) {
        free(blocks[i]);
    }
}

#define CASES(...)                                                                            \
    int main(int count, char **arguments) {                                                   \
        static const struct misuse cases[] = {__VA_ARGS__};                                   \
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {                           \
            if (count == 1) {                                                                 \
                puts(cases[i].name);                                                          \
            } else if (strcmp(arguments[1], cases[i].name) == 0) {                            \
                cases[i].run();                                                               \
                mark("end\n");                                                                \
                return 0;                                                                     \
            }                                                                                 \
        }                                                                                     \
        return count == 1 ? 0 : 2;                                                            \
    }
