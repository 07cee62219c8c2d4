/* A filter takes system calls away for good: `first` before the first allocation, or `warm` after some. What is left is
   what the C library's own malloc needs (mmap, munmap, brk, futex), and mremap (r), madvise (a) and mprotect (p)
   as named. Other calls fail with an error number, or end the process if that is 0. */
#include "check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { BLOCKS = 512, ROUNDS = 40000, MOST = 16 };

static void allow(const int *calls, int count, int error) {
    struct sock_filter code[2 * MOST + 2];
    int length = 0;
    code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < count; i++) {
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    unsigned other = error != 0 ? SECCOMP_RET_ERRNO | (unsigned)error : SECCOMP_RET_KILL_PROCESS;
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, other);
    struct sock_fprog program = {(unsigned short)length, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* Small and medium blocks in turn. */
static void replace_blocks(void) {
    static void *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    uint64_t state = 1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = next_random(&state) % BLOCKS;
        CHECK(is_marked(blocks[i], blocks[i] == NULL ? 0 : sizes[i], (unsigned char)i));
        free(blocks[i]);
        sizes[i] = 1 + next_random(&state) % (round % 97 == 0 ? 300000 : 2000);
        blocks[i] = malloc(sizes[i]);
        CHECK(blocks[i] != NULL);
        mark(blocks[i], sizes[i], (unsigned char)i);
    }
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

/* A large block that doubles. */
static void grow(void) {
    size_t size = (size_t)1 << 20;
    char *block = malloc(size);
    CHECK(block != NULL);
    memset(block, 1, size);
    for (; size < (size_t)64 << 20; size *= 2) {
        block = realloc(block, 2 * size);
        CHECK(block != NULL && block[0] == 1 && block[size - 1] == 1);
        memset(block + size, 1, size);
    }
    free(block);
}

int main(int count, char **arguments) {
    CHECK(count == 4);
    int calls[MOST] = {SYS_read, SYS_write, SYS_exit, SYS_exit_group, SYS_brk, SYS_mmap, SYS_munmap, SYS_futex};
    int allowed = 8;
    for (const char *letter = arguments[2]; *letter != 0; letter++) {
        if (*letter != '-') {
            calls[allowed++] = *letter == 'r' ? SYS_mremap : *letter == 'a' ? SYS_madvise : SYS_mprotect;
        }
    }
    if (strcmp(arguments[1], "warm") == 0) {
        replace_blocks();
    }
    allow(calls, allowed, atoi(arguments[3]));
    CHECK_OURS();
    for (int round = 0; round < 4; round++) {
        replace_blocks();
        grow();
    }
    malloc_trim(0);
    return 0;
}
