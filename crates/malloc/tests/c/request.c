#include <stdio.h>
#include <string.h>
#include <stratalloc.h>

/* The words of a line, in a heap that the caller throws away. */
static size_t words(stratalloc_heap *heap, const char *line) {
    char *copy = stratalloc_heap_alloc(heap, strlen(line) + 1);
    size_t count = 0;
    if (copy == NULL) {
        return 0;
    }
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        count++;
    }
    return count;
}

int main(void) {
    stratalloc_heap *heap = stratalloc_heap_new();
    if (heap == NULL) {
        return 1;
    }
    printf("%zu words", words(heap, "no line frees its copy"));
    printf(" and %zu\n", words(heap, "the heap does"));
    stratalloc_heap_reset(heap);
    printf("%zu bytes in use\n", stratalloc_heap_in_use(heap));
    stratalloc_heap_destroy(heap);
    return 0;
}
