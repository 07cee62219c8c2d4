// As many threads at once as the kernel grants, up to a number; each allocates, waits for the others, frees.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 8 };
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int wrong;

static void *thread(void *own) {
    unsigned char *block[BLOCKS];
    unsigned number = *(unsigned *)own;
    free(own);
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = 16 + (number * 31 + i * 97) % 2000;
        block[i] = malloc(size);
        if (block[i]) memset(block[i], (int)(number & 255), size);
    }
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (block[i] && block[i][15] != (number & 255)) wrong = 1;
        free(block[i]);
    }
    return malloc(32);
}

int main(int count, char **arguments) {
    int most = count > 1 ? atoi(arguments[1]) : 10000, made;
    pthread_t *threads = calloc((size_t)most, sizeof *threads);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (int round = 0; round < 2; round++) {
        pthread_mutex_lock(&gate);
        for (made = 0; made < most; made++) {
            unsigned *number = malloc(sizeof *number);
            *number = (unsigned)made;
            if (pthread_create(&threads[made], &small, thread, number)) { free(number); break; }
        }
        usleep(200000);
        pthread_mutex_unlock(&gate);
        for (int i = 0; i < made; i++) {
            void *result;
            pthread_join(threads[i], &result);
            free(result);
        }
        printf(made == most ? "all threads at once\n" : "%d threads at once\n", made);
    }
    printf("%s\n", wrong ? "wrong bytes" : "every block held what was written");
    free(threads);
    return wrong;
}
