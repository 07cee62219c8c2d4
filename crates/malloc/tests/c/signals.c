/* Signals that arrive inside malloc, with handlers that make only async-signal-safe calls: among
   them fork, whose child goes on to exec. */
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { ENOUGH = 2000 };
static volatile sig_atomic_t arrived;
static pid_t sender;

/* Here, since where signals arrive faster than they are handled, the program itself comes to nothing. */
static void stop_signals(void) {
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    kill(sender, SIGKILL);
}

static void handler(int number) {
    int before = errno;
    arrived++;
    /* Under both signals, so that now and then one fork interrupts the other. */
    if (arrived % 16 == 0 || number == SIGUSR1) {
        pid_t child = fork();
        if (child == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        int status;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
    }
    if (arrived >= ENOUGH) {
        stop_signals();
    }
    errno = before;
}

int main(void) {
    CHECK_OURS();
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    pid_t parent = getpid();
    sigset_t theirs;
    sigemptyset(&theirs);
    sigaddset(&theirs, SIGUSR1);
    sigprocmask(SIG_BLOCK, &theirs, NULL);
    sender = fork();
    if (sender == 0) {
        while (kill(parent, SIGUSR1) == 0 && getppid() == parent) {
            usleep(300);
        }
        _exit(0);
    }
    sigprocmask(SIG_UNBLOCK, &theirs, NULL);
    struct itimerval often = {{0, 200}, {0, 200}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; arrived < ENOUGH; round++) {
        churn((uint64_t)round, 2000, 0);
        free(malloc(3 << 20));
    }
    stop_signals();
    waitpid(sender, NULL, 0);
    return 0;
}
