/* What STRATALLOC_* variables change, in words for the test that sets them. */
#include "check.h"

enum { COUNT = 24000, SIZE = 1024 };
static void *blocks[COUNT];

int main(void) {
    CHECK_OURS();
    errno = 0;
    void *large = malloc(100 << 20);
    CHECK(large != NULL || errno == ENOMEM);
    free(large);
    take(blocks, COUNT, SIZE);
    give_back(blocks, COUNT);
    printf("%s, %s\n", large == NULL ? "limited" : "unlimited",
           resident_kilobytes() > 20000 ? "kept" : "given back");
    return 0;
}
