/* Frees what must not be freed, as the argument says; the process must end with a report. */
#include "check.h"
#include <sys/mman.h>

static char in_data[64];

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
    } else if (strcmp(what, "huge-inside") == 0) {
        pointer = huge + 4096;
    } else if (strcmp(what, "huge-twice") == 0) {
        free(huge);
        pointer = huge;
    }
    free(pointer);
    return 0;
}
