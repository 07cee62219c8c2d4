/* Random calls, and all that C, POSIX and the GNU C library promise of their answers: the same seed prints the same
   under every malloc that keeps it.

       random_calls SEED CALLS [THREADS [SECONDS]]

   With SECONDS, rounds follow each other until these are over, and threads hand blocks to each other; only what is
   wrong is printed then. */
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#ifndef PTRDIFF_MAX
#error "a size that no malloc serves is needed"
#endif

enum { SLOTS = 256, SHARED = 64, WHOLE = 512, STRIDE = 127 };

typedef struct {
    unsigned char *start;
    /* What is filled: all usable bytes of a small block, what was asked for of a large one. */
    size_t asked, filled;
    unsigned char number;
} block_t;

typedef struct {
    uint64_t random, hash;
    long calls;
    int hands_over;
    block_t blocks[SLOTS];
} program_t;

/* A block on its way to another thread. */
static _Atomic(block_t *) handed_over[SHARED];

static void note(program_t *program, uint64_t value) {
    program->hash = (program->hash ^ value) * 1099511628211u;
    program->hash ^= program->hash >> 29;
}

static size_t step_of(size_t size) {
    return size <= WHOLE ? 1 : STRIDE;
}

static unsigned char pattern(unsigned char number, size_t at) {
    return (unsigned char)(number + at * 7);
}

static void fill(block_t *block) {
    for (size_t at = 0; at < block->filled; at += step_of(block->filled)) {
        block->start[at] = pattern(block->number, at);
    }
}

/* The first bytes are as they were filled, as far as `size` goes. */
static void check_content(const block_t *block, const unsigned char *start, size_t size) {
    for (size_t at = 0; at < block->filled && at < size; at += step_of(block->filled)) {
        CHECK(start[at] == pattern(block->number, at));
    }
}

static uint64_t below(program_t *program, uint64_t end) {
    return next_random(&program->random) % end;
}

static size_t some_size(program_t *program) {
    switch (below(program, 400)) {
    case 0:
        return below(program, 3 << 20);
    case 1:
        return 0;
    case 2 ... 30:
        return below(program, 70000);
    default:
        return below(program, (size_t)1 << (3 + below(program, 10)));
    }
}

static size_t beyond_all(program_t *program) {
    return (size_t)PTRDIFF_MAX + 1 + below(program, 1 << 20);
}

/* A new block, aligned as it must be, and with room for all that was asked for. */
static void accept(program_t *program, block_t *block, void *start, size_t size, size_t align) {
    CHECK(start != NULL && (uintptr_t)start % align == 0);
    size_t usable = malloc_usable_size(start);
    CHECK(usable >= size);
    *block = (block_t){start, size, usable <= WHOLE ? usable : size, (unsigned char)below(program, 256)};
    fill(block);
    note(program, size * 31 + align);
}

static void expect_zero(const unsigned char *start, size_t size) {
    for (size_t at = 0; at < size; at += step_of(size)) {
        CHECK(start[at] == 0);
    }
}

static void allocate(program_t *program, block_t *block) {
    size_t size = some_size(program), align = (size_t)1 << (3 + below(program, 11)), page = 4096;
    void *start = NULL;
    switch (below(program, 16)) {
    case 0:
        size -= size % align;
        return accept(program, block, aligned_alloc(align, size), size, align);
    case 1:
        note(program, posix_memalign(&start, align, size));
        return accept(program, block, start, size, align);
    case 2:
        return accept(program, block, memalign(align, size), size, align);
    case 3:
        return accept(program, block, valloc(size), size, page);
    case 4:
        size = (size + page - 1) / page * page;
        return accept(program, block, pvalloc(size), size, page);
    case 5 ... 8: {
        size_t count = 1 + below(program, 5);
        start = calloc(count, size);
        expect_zero(start, count * size);
        return accept(program, block, start, count * size, 16);
    }
    case 9:
        return accept(program, block, realloc(NULL, size), size, 16);
    default:
        return accept(program, block, malloc(size), size, 16);
    }
}

static void resize(program_t *program, block_t *block) {
    size_t size = some_size(program), count = 1 + below(program, 3);
    block_t old = *block;
    if (size == 0) {
        CHECK(realloc(old.start, 0) == NULL);
        *block = (block_t){0};
        return;
    }
    unsigned char *start =
        below(program, 3) ? realloc(old.start, size * count) : reallocarray(old.start, count, size);
    check_content(&old, start, old.asked < size * count ? old.asked : size * count);
    accept(program, block, start, size * count, 16);
}

/* Calls that must fail, say why, and leave everything as it was. */
static void refuse(program_t *program, block_t *block) {
    size_t size = beyond_all(program), align = 8 + below(program, 1 << 12);
    void *start = program;
    errno = 0;
    switch (below(program, 7)) {
    case 0:
        CHECK(malloc(size) == NULL);
        break;
    case 1:
        CHECK(calloc(size, 2 + below(program, 9)) == NULL);
        break;
    case 2:
        CHECK(block->start == NULL || realloc(block->start, size) == NULL);
        break;
    case 3:
        CHECK(block->start == NULL || reallocarray(block->start, size, 3) == NULL);
        break;
    case 4:
        CHECK(memalign(64, size) == NULL);
        break;
    case 5:
        note(program, posix_memalign(&start, 64, size));
        CHECK(start == program);
        return;
    default:
        align += (align & (align - 1)) == 0;
        note(program, posix_memalign(&start, align, 8));
        CHECK(start == program);
        return;
    }
    note(program, errno);
}

static void give_up(block_t *block) {
    check_content(block, block->start, block->filled);
    errno = 77;
    free(block->start);
    CHECK(errno == 77);
    *block = (block_t){0};
}

/* Swaps a block with one of another thread's. */
static void hand_over(program_t *program, block_t *block) {
    block_t *mine = malloc(sizeof *mine);
    CHECK(mine != NULL);
    *mine = *block;
    block_t *theirs = atomic_exchange(&handed_over[below(program, SHARED)], mine);
    *block = theirs ? *theirs : (block_t){0};
    free(theirs);
}

static void *run(void *argument) {
    program_t *program = argument;
    for (long call = 0; call < program->calls; call++) {
        block_t *block = &program->blocks[below(program, SLOTS)];
        unsigned kind = below(program, 32);
        if (kind == 0) {
            refuse(program, block);
        } else if (block->start == NULL) {
            allocate(program, block);
        } else if (kind < 8) {
            check_content(block, block->start, block->filled);
            resize(program, block);
        } else if (kind < 10 && program->hands_over) {
            hand_over(program, block);
        } else {
            give_up(block);
        }
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        if (program->blocks[slot].start != NULL) {
            give_up(&program->blocks[slot]);
        }
    }
    return NULL;
}

/* One program for each thread, all at once; the sum of what they noted. */
static uint64_t round_of(uint64_t seed, long calls, int threads, int hands_over) {
    program_t *programs = calloc(threads, sizeof *programs);
    pthread_t *ids = calloc(threads, sizeof *ids);
    uint64_t hash = 0;
    for (int i = 0; i < threads; i++) {
        programs[i].random = (seed * 64 + i) * 2654435761u + 88172645463325252u;
        programs[i].calls = calls;
        programs[i].hands_over = hands_over;
        CHECK(pthread_create(&ids[i], NULL, run, &programs[i]) == 0);
    }
    for (int i = 0; i < threads; i++) {
        CHECK(pthread_join(ids[i], NULL) == 0);
        hash = hash * 31 + programs[i].hash;
    }
    free(programs);
    free(ids);
    return hash;
}

int main(int count, char **arguments) {
    uint64_t seed = strtoull(arguments[1], NULL, 10);
    long calls = atol(arguments[2]), seconds = count > 4 ? atol(arguments[4]) : 0;
    int threads = count > 3 ? atoi(arguments[3]) : 1;
    time_t start = time(NULL);
    dprintf(2, "%s\n", stratalloc_version ? "stratalloc" : "the C library");
    if (seconds == 0) {
        printf("%016llx\n", (unsigned long long)round_of(seed, calls, threads, 0));
    }
    while (time(NULL) < start + seconds) {
        round_of(seed++, calls, threads, 1);
    }
    return 0;
}
