/* The first and only program of a machine that runs `/steps`: one line a step, its fields between tabs: seconds that
   it may take, the library to preload or `-`, the program, its arguments. Says how each ended, and turns the
   machine off. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIELDS = 32 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(char **fields) {
    setpgid(0, 0);
    if (strcmp(fields[1], "-") != 0) {
        setenv("LD_PRELOAD", fields[1], 1);
    }
    execv(fields[2], &fields[2]);
    perror(fields[2]);
    _exit(127);
}

/* Runs a step to its end, or kills it and what it started when its time is over; its status. */
static int step(char **fields) {
    double end = now() + atof(fields[0]);
    pid_t child = fork();
    if (child == 0) {
        run(fields);
    }
    int status, killed = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (!killed && now() > end) {
            killed = 1;
            kill(-child, SIGKILL);
        }
        usleep(10000);
    }
    kill(-child, SIGKILL);
    return killed ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

int main(void) {
    const char *folders[] = {"/proc", "/sys", "/dev", "/tmp"};
    for (int i = 0; i < 4; i++) {
        mkdir(folders[i], 0755);
    }
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("HOME", "/tmp", 1);
    chdir("/tmp");
    struct utsname name;
    uname(&name);
    printf("\n@kernel %s\n", name.release);
    FILE *steps = fopen("/steps", "r");
    char line[4096];
    for (int number = 0; steps != NULL && fgets(line, sizeof line, steps) != NULL; number++) {
        char *fields[FIELDS + 1] = {0}, *rest = line;
        line[strcspn(line, "\n")] = 0;
        for (int i = 0; i < FIELDS && rest != NULL; i++) {
            fields[i] = strsep(&rest, "\t");
        }
        printf("@begin %d\n", number);
        fflush(stdout);
        double begin = now();
        int status = step(fields);
        printf("\n@end %d %d %.1f\n", number, status, now() - begin);
        fflush(stdout);
    }
    sync();
    reboot(RB_POWER_OFF);
    return 0;
}
