/* Runs one job and notes when it began and ended, so that the demo can count the jobs that run at once
 * instead of believing the pool.
 *
 *   jobtrace COMMAND [ARG...]
 *
 * With STINT_DEMO_LOG and STINT_DEMO_BUILD set it appends "<+|-> <CLOCK_MONOTONIC ns> <pid> <build>\n" to the log,
 * one write each (O_APPEND: lines of several jobs never mix). Without them it is the command itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what) {
    fprintf(stderr, "jobtrace: cannot run %s: %s\n", what, strerror(errno));
    return errno == ENOENT ? 127 : 126;
}

static void note(int log, char sign, const char *build) {
    struct timespec now;
    char line[256];
    clock_gettime(CLOCK_MONOTONIC, &now);
    int length = snprintf(line, sizeof line, "%c %lld%09ld %d %s\n", sign, (long long)now.tv_sec, now.tv_nsec,
                          (int)getpid(), build);
    if (length < 0 || length >= (int)sizeof line || write(log, line, length) != length) {
        fprintf(stderr, "jobtrace: cannot write to the log\n");
        exit(125);
    }
}

int main(int argc, char **argv) {
    const char *path = getenv("STINT_DEMO_LOG"), *build = getenv("STINT_DEMO_BUILD");
    if (argc < 2) return 125;
    if (!path || !build) {
        execvp(argv[1], argv + 1);
        return fail(argv[1]);
    }
    int log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log < 0) return fail(path);

    note(log, '+', build);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a build that kills its job means the compiler, not this wrapper */
        execvp(argv[1], argv + 1);
        _exit(fail(argv[1]));
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    note(log, '-', build);
    if (child < 0) return fail(argv[1]);
    if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));
    return 128 + WTERMSIG(status);
}
