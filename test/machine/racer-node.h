/* What a racer does with the node, once: it counts each token that it takes and returns, and fails at what must not happen. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    _Atomic unsigned long rounds, reads, writes, interrupted, again, stuck, kills, late;
} counts;
static const char *node;
static int both, looking; /* the node, opened to read and write, and to read without blocking */
static int is_pipe;
static __thread unsigned state;

static void fail(const char *format, ...) {
    int error = errno;
    va_list list;
    va_start(list, format);
    dprintf(2, "racer: ");
    vdprintf(2, format, list);
    dprintf(2, ": %s\n", strerror(error));
    va_end(list);
    _exit(2);
}

static unsigned below(unsigned n) { /* xorshift */
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % n;
}

static long long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void rest(unsigned us) {
    struct timespec time = {0, us * 1000};
    if (us > 0) nanosleep(&time, NULL);
}

static int open_node(int flags) {
    for (;;) {
        int fd = open(node, flags);
        if (fd >= 0) return fd;
        if (errno != EINTR) fail("cannot open %s", node);
        counts.interrupted++;
    }
}

/* 1: took a token; 0: interrupted, or none there. */
static int take(int fd) {
    char token;
    ssize_t got = read(fd, &token, 1);
    if (got == 1) counts.reads++;
    else if (got == 0) fail("the end of the node");
    else if (errno == EINTR) counts.interrupted++;
    else if (errno == EAGAIN) counts.again++;
    else fail("cannot read");
    return got == 1;
}

static void take_surely(int fd) {
    while (!take(fd)) continue;
}

static void give(int fd) {
    while (write(fd, "+", 1) != 1)
        if (errno != EINTR) fail("cannot write");
    counts.writes++;
}

static void reap(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) fail("cannot wait");
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) fail("a child ended with %d", WEXITSTATUS(status));
}

static pid_t split(void) {
    pid_t child = fork();
    if (child < 0) fail("cannot fork");
    if (child == 0) state += 0x9e3779b9u * (unsigned)getpid();
    if (state == 0) state = 1;
    return child;
}

static void note(int fd) {
    if (write(fd, "n", 1) != 1) _exit(3);
}

/* Waits for a note; 0: whoever should have sent it is gone. */
static int noted(int fd) {
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) < 0 && errno == EINTR) continue;
    return got == 1;
}

static void become(const char *what, int fd) {
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    execl("/proc/self/exe", "racer", what, number, (char *)NULL);
    fail("cannot exec");
}
