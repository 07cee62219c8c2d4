/* mallinfo2 and its relatives tell what is true, and malloc_trim gives back what they say. */
#include "check.h"
#include <pthread.h>

enum { COUNT = 100000, SIZE = 1024 };
static void *blocks[COUNT];

/* A thread that is to be cancelled gets through: no function of malloc's is a cancellation point. */
static void *cancelled(void *got_through) {
    CHECK(pthread_cancel(pthread_self()) == 0);
    free(malloc(100));
    malloc_trim(0);
    malloc_stats();
    *(int *)got_through = 1;
    pthread_testcancel();
    return NULL;
}

/* Of a large calloc only what is written takes memory, also where one like it was just freed. */
static void sparse(void) {
    long before = resident_kilobytes();
    for (int round = 0; round < 6; round++) {
        char *table = calloc(1 << 20, 1 << 10);
        CHECK(table != NULL && table[round << 20] == 0);
        table[round << 20] = 1;
        CHECK(resident_kilobytes() < before + (64 << 10));
        free(table);
    }
}

int main(void) {
    CHECK_OURS();
    struct mallinfo2 before = mallinfo2();
    take(blocks, COUNT, SIZE);
    void *large = memset(malloc(3 << 20), 1, 3 << 20);
    void *huge = malloc((size_t)5 << 30);
    struct mallinfo2 during = mallinfo2();
    size_t total = (size_t)COUNT * SIZE + (3 << 20);
    size_t grown = during.uordblks - before.uordblks;
    CHECK(grown >= total && grown < total + total / 20);
    CHECK(during.arena >= during.uordblks);
    CHECK(during.fordblks == during.arena - during.uordblks);
    CHECK(during.hblks == before.hblks + 1 && during.hblkhd - before.hblkhd >= (size_t)5 << 30);
    CHECK(mallinfo().uordblks == (int)during.uordblks && mallinfo().hblkhd == INT32_MAX);

    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    CHECK(malloc_info(0, stream) == 0);
    errno = 0;
    CHECK(malloc_info(1, stream) == -1 && errno == EINVAL);
    fclose(stream);
    CHECK(strstr(text, "<malloc version=\"stratalloc-") == text && strstr(text, "</malloc>\n"));
    /* What isn't the program's is in the thread's stock. */
    char *class = strstr(text, "<class size=\"1024\" live=\"");
    int live = class == NULL ? 0 : atoi(class + strlen("<class size=\"1024\" live=\""));
    CHECK(live >= COUNT && live < COUNT + 200 && strstr(text, "<total type=\"mmap\" count=\"1\""));
    free(text);
    malloc_stats();
    pthread_t thread;
    int got_through = 0;
    CHECK(pthread_create(&thread, NULL, cancelled, &got_through) == 0);
    CHECK(pthread_join(thread, NULL) == 0 && got_through);

    long full = resident_kilobytes();
    give_back(blocks, COUNT);
    free(large);
    free(huge);
    CHECK(malloc_trim(0) == 1);
    struct mallinfo2 after = mallinfo2();
    CHECK(after.uordblks < before.uordblks + (1 << 20));
    CHECK(after.hblks == before.hblks && after.keepcost == 0);
    CHECK(resident_kilobytes() < full - (long)(total / 1024) * 9 / 10);
    CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1 && mallopt(1234, 1) == 0);
    sparse();
    return 0;
}
