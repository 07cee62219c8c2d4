/* A block is freed with another size, or another alignment, than it was allocated with. */
#include "cases.h"

/* `free_sized` is of C23, and C++'s operators are of its library, which is linked. */
static void *named(const char *name) {
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found == NULL) {
        not_there();
    }
    return found;
}

static void free_as(size_t size, size_t said) {
    void (*free_sized)(void *, size_t) = named("free_sized");
    free_sized(block(size), said);
    done();
}

static void free_aligned_as(size_t alignment, size_t size) {
    void (*free_aligned_sized)(void *, size_t, size_t) = named("free_aligned_sized");
    free_aligned_sized(aligned_alloc(64, 192), alignment, size);
    done();
}

static void delete_as(const char *new, const char *delete, size_t size, size_t said) {
    char *(*allocate)(size_t) = named(new);
    void (*deallocate)(void *, size_t) = named(delete);
    deallocate(allocate(size), said);
    done();
}

static void smaller(void) { free_as(100, 50); }
static void larger(void) { free_as(100, 2000); }
static void a_byte_more(void) { free_as(100, 101); }
static void large_as_small(void) { free_as(200 << 10, 100); }
static void small_as_large(void) { free_as(100, 200 << 10); }
static void aligned_smaller(void) { free_aligned_as(64, 64); }
static void aligned_otherwise(void) { free_aligned_as(4096, 192); }
static void delete_smaller(void) { delete_as("_Znwm", "_ZdlPvm", 100, 50); }
static void delete_larger(void) { delete_as("_Znwm", "_ZdlPvm", 100, 2000); }
static void delete_aligned(void) {
    char *(*allocate)(size_t, size_t) = named("_ZnwmSt11align_val_t");
    void (*deallocate)(void *, size_t, size_t) = named("_ZdlPvmSt11align_val_t");
    deallocate(allocate(64, 64), 128, 64);
    done();
}
static void delete_array(void) { delete_as("_Znam", "_ZdaPvm", 100, 50); }

CASES({"smaller", smaller},
      {"larger", larger},
      {"a-byte-more", a_byte_more},
      {"large-as-small", large_as_small},
      {"small-as-large", small_as_large},
      {"aligned-smaller", aligned_smaller},
      {"aligned-otherwise", aligned_otherwise},
      {"delete-smaller", delete_smaller},
      {"delete-larger", delete_larger},
      {"delete-aligned", delete_aligned},
      {"delete-array", delete_array})
