/* Signals that arrive inside malloc, with handlers that make only async-signal-safe calls: among
   them fork, whose child goes on to exec. */
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile sig_atomic_t arrived;

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
    errno = before;
}

int main(void) {
    CHECK_OURS();
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    pid_t parent = getpid(), sender = fork();
    if (sender == 0) {
        while (kill(parent, SIGUSR1) == 0 && getppid() == parent) {
            usleep(300);
        }
        _exit(0);
    }
    struct itimerval often = {{0, 200}, {0, 200}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int round = 0; arrived < 2000; round++) {
        churn((uint64_t)round, 2000, 0);
        free(malloc(3 << 20));
    }
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    kill(sender, SIGKILL);
    waitpid(sender, NULL, 0);
    return 0;
}
