/* With a thread of the allocator's own: memory goes back while the program's threads sleep, in a child of a fork too;
   and the process ends in the midst of it. */
#include "check.h"
#include <pthread.h>
#include <sys/wait.h>

enum { COUNT = 60000, SIZE = 1000, MANY = 40000 };
static void *blocks[COUNT];

static pthread_barrier_t done, end;

static void work(void) {
    take(blocks, COUNT, SIZE);
    give_back(blocks, COUNT);
}

static void *idle_thread(void *nothing) {
    work();
    pthread_barrier_wait(&done);
    pthread_barrier_wait(&end);
    return nothing;
}

/* Waits, without a call to the allocator, until little is resident. */
static void sleep_until_little_is_left(long before) {
    for (int tenths = 0; resident_kilobytes() > before + 6000; tenths++) {
        CHECK(tenths < 1200);
        usleep(100000);
    }
}

static void in_child(long before) {
    work();
    /* Its thread starts with the first look that it comes to. */
    for (int times = 0; times < 50; times++) {
        usleep(10000);
        churn(times, 2000, 0);
    }
    sleep_until_little_is_left(before + 4000);
    exit(0);
}

int main(void) {
    CHECK_OURS();
    free(malloc(1));
    long before = resident_kilobytes();
    pthread_t thread;
    pthread_barrier_init(&done, NULL, 2);
    pthread_barrier_init(&end, NULL, 2);
    CHECK(pthread_create(&thread, NULL, idle_thread, NULL) == 0);
    pthread_barrier_wait(&done);
    sleep_until_little_is_left(before);
    for (int child = 0; child < 3; child++) {
        pid_t pid = fork();
        if (pid == 0)
            in_child(before);
        int status;
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
    }
    pthread_barrier_wait(&end);
    CHECK(pthread_join(thread, NULL) == 0);
    puts("little is left");
    return 0;
}
