// Threads that allocate, check what they wrote, and leave half of it for others to free.

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 100 };

static pthread_barrier_t all_are_here;
static int at_once;

struct work {
    unsigned seed;
    unsigned char *left[BLOCKS];
    size_t size[BLOCKS];
};

static void *allocate(void *argument) {
    struct work *work = argument;
    unsigned state = work->seed;
    for (int i = 0; i < BLOCKS; i++) {
        state = state * 1103515245u + 12345u;
        size_t size = 1 + (state >> 16) % (i % 10 ? 500 : 20000);
        unsigned char *block = malloc(size);
        if (!block) abort();
        memset(block, (int)(work->seed & 255), size);
        work->left[i] = block;
        work->size[i] = size;
    }
    if (at_once) pthread_barrier_wait(&all_are_here);
    for (int i = 0; i < BLOCKS; i += 2) {
        free(work->left[i]);
        work->left[i] = NULL;
    }
    return NULL;
}

// Frees what a thread that has ended left, and counts the bytes that hold what it wrote.
static size_t collect(struct work *work) {
    size_t sound = 0;
    for (int i = 1; i < BLOCKS; i += 2) {
        for (size_t at = 0; at < work->size[i]; at++) sound += work->left[i][at] == (work->seed & 255);
        free(work->left[i]);
    }
    return sound;
}

static void start(pthread_t *thread, struct work *work, unsigned seed) {
    work->seed = seed;
    if (pthread_create(thread, NULL, allocate, work)) { perror("pthread_create"); exit(1); }
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    at_once = !strcmp(arguments[1], "at-once");
    int threads = atoi(arguments[2]), together = at_once ? threads : 1;
    pthread_t *thread = calloc((size_t)together, sizeof *thread);
    struct work *work = calloc((size_t)together, sizeof *work);
    pthread_barrier_init(&all_are_here, NULL, (unsigned)together);
    size_t sound = 0;
    for (int done = 0; done < threads; done += together) {
        for (int i = 0; i < together; i++) start(&thread[i], &work[i], (unsigned)(done + i));
        for (int i = 0; i < together; i++) {
            pthread_join(thread[i], NULL);
            sound += collect(&work[i]);
        }
    }
    printf("%d threads, %zu bytes held what was written\n", threads, sound);
    free(thread);
    free(work);
    return 0;
}
