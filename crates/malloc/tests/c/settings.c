/* What STRATALLOC_* variables change, in words for the test that sets them. */
#include "check.h"

enum { COUNT = 24000, SIZE = 1024 };
static void *blocks[COUNT];

static long resident_kilobytes(void) {
    long pages = 0, ignored = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(fscanf(file, "%ld %ld", &ignored, &pages) == 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(void) {
    CHECK_OURS();
    errno = 0;
    void *large = malloc(100 << 20);
    CHECK(large != NULL || errno == ENOMEM);
    free(large);
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = memset(malloc(SIZE), 1, SIZE);
    }
    for (int i = 0; i < COUNT; i++) {
        free(blocks[i]);
    }
    printf("%s, %s\n", large == NULL ? "limited" : "unlimited",
           resident_kilobytes() > 20000 ? "kept" : "given back");
    return 0;
}
