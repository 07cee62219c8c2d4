/* Large blocks of the hardened build: what lies around them can't be used, nor they themselves once they are free; and they are
   as good as others where the process has no more mappings. With the argument `many`, it has none. */
#include "check.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static const size_t sizes[] = {
    33 * KIB, 36 * KIB, 40001, 64 * KIB, 100 * KIB, 128 * KIB,  200001,      MIB,
    2 * MIB,  2 * MIB + 1,     4 * MIB,  5 * MIB,   40 * MIB, 512 * MIB, 600 * MIB,
};
#define SIZES (sizeof sizes / sizeof *sizes)

/* How a child ends that writes there. */
static int signal_at(char *place) {
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        *(volatile char *)place = 'x';
        _exit(0);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static size_t to_pages(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

/* A block that lies between guards, of which all bytes can be used. */
static void check_guarded(char *block, size_t size) {
    CHECK(malloc_usable_size(block) == size);
    CHECK(signal_at(block + to_pages(size)) == SIGSEGV);
    CHECK(signal_at(block - 1) == SIGSEGV);
    mark(block, size, 7);
    CHECK(is_marked(block, size, 7));
}

static void freed(char *block, size_t size) {
    free(block);
    CHECK(signal_at(block) == SIGSEGV);
    CHECK(signal_at(block + size - 1) == SIGSEGV);
}

static void each_size(void) {
    for (size_t i = 0; i < SIZES; i++) {
        char *one = malloc(sizes[i]), *zero = calloc(1, sizes[i]), *small = malloc(20000);
        char *aligned = aligned_alloc(64 * KIB, sizes[i]);
        CHECK(one != NULL && zero != NULL && small != NULL && aligned != NULL);
        check_guarded(one, sizes[i]);
        CHECK(zero[0] == 0 && zero[sizes[i] / 2] == 0 && zero[sizes[i] - 1] == 0);
        check_guarded(zero, sizes[i]);
        check_guarded(aligned, sizes[i]);
        freed(zero, sizes[i]);
        freed(one, sizes[i]);
        freed(aligned, sizes[i]);
        free(small);
    }
}

/* The smallest blocks come and go beside them, in segments of the same row, of which many are made usable at a time. */
static void among_small(size_t size) {
    enum { COUNT = 60000, LARGE = 20 };
    static char *small[COUNT], *large[LARGE];
    for (int i = 0; i < COUNT; i++) {
        CHECK((small[i] = malloc(24 + i % 3 * 8)) != NULL);
        if (i % (COUNT / LARGE) == 0) {
            CHECK((large[i / (COUNT / LARGE)] = malloc(size)) != NULL);
        }
    }
    for (int i = 0; i < LARGE; i++) {
        check_guarded(large[i], size);
        free(large[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        free(small[i]);
    }
}

static void resized(void) {
    static const size_t steps[] = {
        40000, 40960, 40961, 50000, 64 * KIB, 65 * KIB, 64 * KIB, 128 * KIB, 64 * KIB, 300000, 3 * MIB, 300000,
        9 * MIB, 30 * MIB, 17 * MIB + 1, 2 * MIB, 600 * MIB, 33000,
    };
    char *block = malloc(steps[0]);
    CHECK(block != NULL);
    mark(block, steps[0], 1);
    for (size_t i = 1; i < sizeof steps / sizeof *steps; i++) {
        size_t kept = steps[i] < steps[i - 1] ? steps[i] : steps[i - 1];
        mark(block, kept, (unsigned char)i);
        char *other = realloc(block, steps[i]);
        CHECK(other != NULL && is_marked(other, kept, (unsigned char)i));
        if (other != block) {
            CHECK(signal_at(block) == SIGSEGV);
        }
        block = other;
        check_guarded(block, steps[i]);
    }
    freed(block, 33000);
}

/* As many blocks as a process has mappings, and some more. */
static void many(void) {
    enum { COUNT = 70000 };
    static char *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        CHECK((blocks[i] = malloc(36 * KIB)) != NULL);
        blocks[i][i % 2 * 30000] = 'x';
    }
    void *small = malloc(100), *larger = realloc(malloc(70000), 3 * MIB);
    CHECK(small != NULL && larger != NULL);
    for (int i = 0; i < COUNT; i += 2) {
        free(blocks[i]);
    }
    for (int i = 0; i < COUNT; i += 2) {
        CHECK((blocks[i] = calloc(1, 36 * KIB)) != NULL);
        CHECK(blocks[i][0] == 0 && blocks[i][30000] == 0);
    }
    for (int i = 0; i < COUNT; i++) {
        free(blocks[i]);
    }
    free(small);
    free(larger);
    char *block = malloc(100 * KIB);
    CHECK(block != NULL);
    check_guarded(block, 100 * KIB);
    freed(block, 100 * KIB);
}

int main(int count, char **arguments) {
    CHECK_OURS();
    if (count == 2 && strcmp(arguments[1], "many") == 0) {
        many();
        return 0;
    }
    each_size();
    among_small(50000);
    among_small(64 * KIB);
    among_small(192 * KIB);
    resized();
    return 0;
}
