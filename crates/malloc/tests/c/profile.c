/* Holds 64 MiB in small blocks by one function, has freed half as much by another, and leaves them to the profile. */
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "stratalloc.h"

#pragma weak stratalloc_profile_write

enum { COUNT = 65536, SIZE = 1024 };
static void *kept[COUNT], *passing[COUNT];

__attribute__((noinline)) void keeper(void) { take(kept, COUNT, SIZE); }
__attribute__((noinline)) void passer(void) { take(passing, COUNT / 2, SIZE); }

int main(int argc, char **argv) {
    CHECK_OURS();
    passer();
    give_back(passing, COUNT / 2);
    keeper();
    if (argc > 1) CHECK(stratalloc_profile_write(argv[1]) == 0);
    errno = 0;
    CHECK(stratalloc_profile_write("/nowhere/at/all") == -1 && errno == ENOENT);
    CHECK(stratalloc_profile_write(NULL) == -1 && errno == EINVAL);
    fflush(NULL);
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        give_back(kept, COUNT);
        return 0;
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    printf("%d\n", (int)child);
    return 0;
}
