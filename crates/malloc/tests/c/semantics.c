/* What C, POSIX and the GNU C library say of each function. */
#include "check.h"
#include "stratalloc.h"

/* Weak, so that the program can be built without the library and run with it preloaded. */
#pragma weak cfree
#pragma weak free_sized
#pragma weak free_aligned_sized
#pragma weak malloc_object_size
#pragma weak malloc_object_size_fast
extern void cfree(void *block);

/* Sizes that the compiler can't see through. */
static volatile size_t huge = (size_t)PTRDIFF_MAX + 1;
static volatile size_t most = SIZE_MAX;

static void refuses(void *block) {
    CHECK(block == NULL);
    CHECK(errno == ENOMEM);
    errno = 0;
}

static void sizes_of_zero(void) {
    void *one = malloc(0), *other = malloc(0);
    CHECK(one != NULL && other != NULL && one != other);
    free(one);
    free(other);
    one = calloc(0, 8);
    CHECK(one != NULL);
    errno = 77;
    CHECK(realloc(one, 0) == NULL && errno == 77);
    one = realloc(NULL, 0);
    CHECK(one != NULL);
    free(one);
    CHECK((one = aligned_alloc(64, 0)) != NULL);
    free(one);
    CHECK(posix_memalign(&one, 64, 0) == 0);
    free(one);
    free(NULL);
    CHECK(malloc_usable_size(NULL) == 0);
}

static void sizes_beyond_all(void) {
    errno = 0;
    for (size_t less = 0; less < 70000; less += 1 + less / 3) {
        refuses(malloc(most - less));
        refuses(calloc(1, most - less));
        refuses(realloc(NULL, most - less));
        refuses(memalign(64, most - less));
        refuses(aligned_alloc(4096, most - less));
        refuses(valloc(most - less));
        refuses(pvalloc(most - less));
    }
    refuses(malloc(huge));
    refuses(calloc(huge, 2));
    refuses(calloc(most / 2, 3));
    refuses(calloc((size_t)1 << 33, (size_t)1 << 33));
    refuses(reallocarray(NULL, most / 2, 3));
    char *block = strcpy(malloc(100), "still here");
    refuses(realloc(block, most));
    refuses(realloc(block, huge));
    refuses(reallocarray(block, (size_t)1 << 33, (size_t)1 << 33));
    CHECK(strcmp(block, "still here") == 0);
    free(block);
}

static void alignments(void) {
    for (size_t align = 8; align <= (size_t)1 << 30; align *= 2) {
        for (size_t size = 1; size <= 100000; size = size * 3 + 1) {
            void *block = NULL;
            CHECK(posix_memalign(&block, align, size) == 0);
            CHECK((uintptr_t)block % align == 0 && malloc_usable_size(block) >= size);
            mark(block, malloc_usable_size(block), 1);
            void *other = memalign(align, size);
            CHECK((uintptr_t)other % align == 0);
            free(block);
            block = aligned_alloc(align, size);
            CHECK((uintptr_t)block % align == 0);
            mark(block, size, 2);
            block = realloc(block, size * 2);
            CHECK(block != NULL && *(unsigned char *)block == 2);
            free(block);
            free(other);
        }
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *block = valloc(10);
    CHECK((uintptr_t)block % page == 0);
    free(block);
    block = pvalloc(page + 1);
    CHECK((uintptr_t)block % page == 0 && malloc_usable_size(block) >= 2 * page);
    free(block);
    block = memalign(48, 10);
    CHECK((uintptr_t)block % 64 == 0);
    free(block);
    errno = 0;
    CHECK(memalign(huge + 1, 10) == NULL && errno == EINVAL);
    errno = 0;
    CHECK(aligned_alloc(48, 96) == NULL && errno == EINVAL);
}

static void posix_memalign_leaves_alone(void) {
    void *place = &place;
    errno = 77;
    CHECK(posix_memalign(&place, 0, 8) == EINVAL);
    CHECK(posix_memalign(&place, 4, 8) == EINVAL);
    CHECK(posix_memalign(&place, 24, 8) == EINVAL && errno == 77);
    CHECK(posix_memalign(&place, 64, most - 63) == ENOMEM);
    CHECK(posix_memalign(&place, (size_t)1 << 62, 8) == ENOMEM);
    CHECK(place == &place && errno == ENOMEM);
    errno = 77;
    CHECK(posix_memalign(&place, 64, 8) == 0 && errno == 77);
    free(place);
}

/* Every size to 70,000: aligned to 16, all usable, zero from calloc even where dirt was left. */
static void every_size(void) {
    for (size_t size = 0; size < 70000; size += size < 2100 ? 1 : 61) {
        unsigned char *block = malloc(size);
        size_t usable = malloc_usable_size(block);
        CHECK((uintptr_t)block % 16 == 0 && usable >= size);
        memset(block, 0xA5, usable);
        free(block);
        block = calloc(1, size);
        for (size_t i = 0; i < size; i++) {
            CHECK(block[i] == 0);
        }
        memset(block, 0x5A, malloc_usable_size(block));
        size_t grown = size + size / 2 + 9;
        block = realloc(block, grown);
        for (size_t i = 0; i < size; i++) {
            CHECK(block[i] == 0x5A);
        }
        mark(block, malloc_usable_size(block), 0x5A);
        block = realloc(block, size / 3 + 1);
        for (size_t i = 0; i < size / 3 && i < size; i++) {
            CHECK(block[i] == 0x5A);
        }
        free(block);
    }
}

/* Large sizes around each boundary of the arenas, touched at both ends. */
static void boundaries(void) {
    const size_t bounds[] = {32 << 10, 64 << 10, 2 << 20, 4 << 20, 512 << 20, (size_t)4 << 30};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        for (size_t size = bounds[i] - 1; size <= bounds[i] + 1; size++) {
            unsigned char *block = calloc(1, size);
            CHECK(block != NULL && block[0] == 0 && block[size - 1] == 0);
            CHECK(malloc_usable_size(block) >= size);
            mark(block, size, 3);
            unsigned char *moved = realloc(block, size + bounds[i] / 2);
            CHECK(moved != NULL && moved[0] == 3 && moved[size - 1] == 3);
            moved = realloc(moved, 1000);
            CHECK(moved[0] == 3);
            free(moved);
        }
    }
}

static void other_ways_to_free(void) {
    free_sized(malloc(100), 100);
    free_aligned_sized(aligned_alloc(256, 512), 256, 512);
    free_aligned_sized(aligned_alloc(64 << 10, 100), 64 << 10, 100);
    cfree(malloc(100));
    void *shrunk = realloc(malloc(100), 90);
    free_sized(shrunk, 90);
    void *large = realloc(malloc(1 << 20), 900000);
    free_sized(large, 900000);
}

/* The C library's second names: blocks of either name may be given to the other. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t), *__libc_valloc(size_t), *__libc_pvalloc(size_t);
extern void __libc_free(void *);
extern int __libc_mallopt(int, int);

static void second_names(void) {
    __libc_free(malloc(100));
    free(__libc_realloc(__libc_malloc(100), 5000));
    unsigned char *block = __libc_calloc(100, 100);
    CHECK(block[0] == 0 && block[9999] == 0);
    free(block);
    CHECK((uintptr_t)(block = __libc_memalign(512, 10)) % 512 == 0);
    free(block);
    free(__libc_valloc(10));
    free(__libc_pvalloc(10));
    CHECK(__libc_mallopt(M_TRIM_THRESHOLD, 1) == 1);
}

static void free_keeps_errno(void) {
    void *blocks[64];
    for (int i = 0; i < 64; i++) {
        blocks[i] = malloc((size_t)1 << (i % 24));
    }
    errno = 77;
    for (int i = 0; i < 64; i++) {
        free(blocks[i]);
    }
    CHECK(errno == 77);
}

/* From each byte to the block's end; not exactly, since the end is that of its class. Of freed small blocks too, if they
   may be asked for. */
static void sizes_of_objects(int ask_of_freed) {
    static const size_t sizes[] = {1, 16, 100, 4000, 30000, 100001, 5 << 20};
    static char outside[100];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        char *block = malloc(size);
        CHECK(block != NULL);
        size_t usable = malloc_usable_size(block);
        for (size_t at = 0; at < size; at += size / 16 + 1) {
            size_t all = malloc_object_size(block + at), fast = malloc_object_size_fast(block + at);
            CHECK(all >= usable - at && all <= usable - at + size / 4 + 4096);
            CHECK(fast == (size > 32760 ? SIZE_MAX : all));
        }
        free(block);
        CHECK((!ask_of_freed && size <= 32760) || malloc_object_size(block) == 0);
    }
    CHECK(malloc_object_size(NULL) == 0 && malloc_object_size_fast(NULL) == 0);
    CHECK(malloc_object_size(outside) == SIZE_MAX && malloc_object_size_fast(outside) == SIZE_MAX);
}

int main(int count, char **arguments) {
    CHECK_OURS();
    sizes_of_zero();
    sizes_beyond_all();
    alignments();
    posix_memalign_leaves_alone();
    every_size();
    boundaries();
    other_ways_to_free();
    second_names();
    free_keeps_errno();
    sizes_of_objects(count < 2 || strcmp(arguments[1], "held") != 0);
    churn(1, 200000, 0);
    return 0;
}
