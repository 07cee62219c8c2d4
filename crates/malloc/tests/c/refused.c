/* The kernel refuses the k-th call on memory, for every k in turn; `lasting`: that and all after it
   for a while. A seccomp filter traps the calls; the handler counts, and refuses or makes them. */
#include "check.h"
#include <pthread.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { CASES = 200, WHILE = 40 };

static int first_refused, after_refused;
static volatile int calls;

/* A system call at an address of its own, which the filter lets through. */
long pass_through(long number, long a, long b, long c, long d, long e, long f);
extern char passing_instruction[];
__asm__(".text\n"
        "pass_through:\n"
        "  mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n  mov %r9, %r8\n  mov 8(%rsp), %r9\n"
        "  syscall\n"
        ".globl passing_instruction\n"
        "passing_instruction:\n"
        "  ret\n");

static void trapped(int number, siginfo_t *info, void *context) {
    (void)number;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    int call = calls++;
    if (call >= first_refused && call < after_refused) {
        registers[REG_RAX] = -ENOMEM;
        return;
    }
    registers[REG_RAX] =
        pass_through(info->si_syscall, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                     registers[REG_R10], registers[REG_R8], registers[REG_R9]);
}

static void trap_calls_on_memory(void) {
    uint64_t passing = (uint64_t)(uintptr_t)passing_instruction;
#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define HALF(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name) + 4)
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
    struct sock_filter code[] = {
        FIELD(instruction_pointer),
        IS(passing, 0, 2),
        HALF(instruction_pointer),
        IS(passing >> 32, 6, 0),
        FIELD(nr),
        IS(SYS_mmap, 5, 0),
        IS(SYS_mprotect, 4, 0),
        IS(SYS_munmap, 3, 0),
        IS(SYS_mremap, 2, 0),
        IS(SYS_madvise, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

static sem_t go, done;

/* Made before the filter and never ended: the C library maps and unmaps stacks with all signals
   blocked, and a trapped call then kills. Its first allocation is still to come. */
static void *thread(void *unused) {
    sem_wait(&go);
    churn(2, 300, 1);
    sem_post(&done);
    for (;;) {
        pause();
    }
    return unused;
}

/* What a program does from its first thread on: small, large and huge blocks. */
static void live(void) {
    churn(1, 2000, 1);
    /* No larger: what cannot be moved is copied, each time. */
    for (size_t size = 40000; size < (size_t)1 << 30; size *= 5) {
        char *block = calloc(1, size);
        if (block != NULL) {
            CHECK(block[0] == 0 && block[size - 1] == 0);
            mark(block, size, 9);
            char *grown = realloc(block, size * 2);
            CHECK((grown != NULL ? grown : block)[size - 1] == 9);
            free(grown != NULL ? grown : block);
        }
        void *aligned;
        if (posix_memalign(&aligned, (size_t)1 << 21, size) == 0) {
            free(aligned);
        }
    }
    char *huge = calloc(1, (size_t)5 << 30);
    if (huge != NULL) {
        char *grown = realloc(huge, (size_t)6 << 30);
        free(grown != NULL ? grown : huge);
    }
    sem_post(&go);
    sem_wait(&done);
    malloc_trim(0);
}

/* Runs it in a child; how many calls there were, at most 250. */
static int refused(int first, int count) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_NODEFER};
        sigaction(SIGSYS, &action, NULL);
        first_refused = first;
        after_refused = first + count;
        pthread_t other;
        sem_init(&go, 0, 0);
        sem_init(&done, 0, 0);
        CHECK(pthread_create(&other, NULL, thread, NULL) == 0);
        trap_calls_on_memory();
        live();
        int seen = calls;
        after_refused = 0;
        churn(3, 20000, 0);
        char *block = malloc((size_t)3 << 20);
        CHECK(block != NULL);
        memset(block, 1, (size_t)3 << 20);
        free(block);
        _exit(seen < 250 ? seen + 2 : 252);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) < 2) {
        dprintf(2, "calls %d to %d refused: status %#x\n", first, first + count - 1, status);
        exit(1);
    }
    return WEXITSTATUS(status) - 2;
}

int main(int count, char **arguments) {
    CHECK_OURS();
    int lasting = count > 1 && strcmp(arguments[1], "lasting") == 0;
    int most = 0;
    for (int k = 0; k < CASES; k++) {
        int seen = refused(k, lasting ? WHILE : 1);
        most = seen > most ? seen : most;
    }
    printf("%d calls\n", most);
    return most > 10 ? 0 : 1;
}
