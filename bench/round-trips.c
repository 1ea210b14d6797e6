/* Load for the benchmark of the file node: clients that take a slot and return it as fast as they can, each round trip measured.
 *
 *   round-trips block file|fifo PATH CLIENTS SLOTS MS CPU    a read that waits, a write
 *   round-trips poll  file|fifo PATH CLIENTS SLOTS MS CPU    a read that does not wait, poll(2) when there is nothing, a write
 *
 * All clients run on the processor CPU, begin at the same moment and stop MS milliseconds later, each with its slot returned.
 * Then all SLOTS slots must be there again. Prints one JSON object: round trips a second, p50, p99 and the longest in µs, and
 * the share of the client that got least in that of the one that got most. When something hangs or is missing, it says what,
 * and exits 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef unsigned long long u64;

/* Round trips by duration: 64 steps for each doubling, so a figure is right to 1.6 %. */
enum { STEPS = 64, BUCKETS = STEPS * 36 };

struct client {
    u64 trips, longest; /* ns */
    unsigned spent[BUCKETS];
};

static struct client *clients;
static pid_t *pids;
static int count;
static bool polls;
static const char *path;

static u64 now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "round-trips: %s: %s: %s\n", path, what, strerror(errno));
    exit(1);
}

static int bucket_of(u64 ns) {
    if (ns < STEPS) return ns;
    int doubling = 63 - __builtin_clzll(ns) - 6; /* how far the first 7 bits are from the end */
    int bucket = doubling * STEPS + (ns >> doubling);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* The middle of a bucket, ns. */
static double value_of(int bucket) {
    if (bucket < 2 * STEPS) return bucket;
    int doubling = bucket / STEPS - 1;
    return ((u64)(bucket % STEPS + STEPS) << doubling) + (1ull << doubling) / 2.0;
}

static void take(int fd) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    char token;
    for (;;) {
        ssize_t n = read(fd, &token, 1);
        if (n == 1) return;
        if (n == 0) fail("read: end of file");
        if (errno == EAGAIN && polls) {
            if (poll(&wanted, 1, -1) < 0 && errno != EINTR) fail("poll");
        } else if (errno != EINTR) fail("read");
    }
}

static void put(int fd) {
    while (write(fd, "+", 1) != 1)
        if (errno != EINTR) fail("write");
}

static void run(struct client *me, int ready, int start, const u64 *end) {
    char byte;
    int fd = open(path, O_RDWR | O_CLOEXEC | (polls ? O_NONBLOCK : 0));
    if (fd < 0) fail("open");
    take(fd); /* whatever is done once for a newcomer is done now */
    put(fd);
    if (write(ready, "", 1) != 1 || read(start, &byte, 1) < 0) fail("start");
    for (u64 from = now(), to; from < *end; from = to) {
        take(fd);
        put(fd);
        to = now();
        me->trips++;
        me->spent[bucket_of(to - from)]++;
        if (to - from > me->longest) me->longest = to - from;
    }
    close(fd);
}

static double quantile(const unsigned *all, u64 trips, double share) {
    u64 below = 0, wanted = share * trips;
    for (int i = 0; i < BUCKETS; i++)
        if ((below += all[i]) > wanted) return value_of(i);
    return 0;
}

/* A server may give the file to some programs and a FIFO to others; the figures of one say nothing of the other. */
static void expect(const char *kind) {
    struct stat st;
    if (stat(path, &st)) fail("stat");
    if (S_ISFIFO(st.st_mode) == !strcmp(kind, "fifo")) return;
    fprintf(stderr, "round-trips: %s is no %s for this program\n", path, kind);
    exit(1);
}

/* All slots must be there: takes them, without waiting for long, and puts them back. */
static int slots_there(int wanted) {
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), got = 0;
    if (fd < 0) fail("open");
    struct pollfd there = {.fd = fd, .events = POLLIN};
    for (u64 end = now() + 2000000000ull; got <= wanted && now() < end;) {
        char token;
        if (read(fd, &token, 1) == 1) got++;
        else if (errno != EAGAIN && errno != EINTR) fail("read");
        else if (got == wanted) break; /* and not one more */
        else poll(&there, 1, 10);
    }
    for (int i = 0; i < got; i++) put(fd);
    close(fd);
    return got;
}

/* A client may hang in the kernel: it is not waited for. */
static void give_up(int signal) {
    (void)signal;
    static const char text[] = "round-trips: clients hang\n";
    if (write(2, text, sizeof text - 1) < 0) _exit(1);
    for (int i = 0; i < count; i++) kill(pids[i], SIGKILL);
    _exit(1);
}

int main(int argc, char **argv) {
    if (argc != 8) return 2;
    polls = !strcmp(argv[1], "poll");
    path = argv[3];
    expect(argv[2]);
    count = atoi(argv[4]);
    int slots = atoi(argv[5]), ready[2], start[2];
    u64 ms = strtoull(argv[6], NULL, 10);
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(atoi(argv[7]), &cpu);
    if (sched_setaffinity(0, sizeof cpu, &cpu)) fail("sched_setaffinity");
    clients = mmap(NULL, count * sizeof *clients + sizeof(u64), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    pids = calloc(count, sizeof *pids);
    if (clients == MAP_FAILED || !pids || pipe(ready) || pipe(start)) fail("no memory");
    u64 *end = (u64 *)(clients + count);
    signal(SIGALRM, give_up);
    alarm(ms / 1000 + 15);
    for (int i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] < 0) fail("fork");
        if (pids[i] > 0) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(start[1]);
        run(&clients[i], ready[1], start[0], end);
        _exit(0);
    }
    close(ready[1]);
    char byte;
    for (int i = 0; i < count; i++)
        if (read(ready[0], &byte, 1) != 1) give_up(0);
    *end = now() + ms * 1000000;
    u64 began = now();
    close(start[1]);
    int status, failed = 0;
    for (int i = 0; i < count; i++) failed |= waitpid(pids[i], &status, 0) < 0 || status != 0;
    double seconds = (now() - began) / 1e9;
    if (failed) return 1;

    static unsigned all[BUCKETS];
    u64 trips = 0, longest = 0, least = -1ull, most = 0;
    for (int i = 0; i < count; i++) {
        struct client *c = &clients[i];
        for (int j = 0; j < BUCKETS; j++) all[j] += c->spent[j];
        trips += c->trips;
        if (c->longest > longest) longest = c->longest;
        if (c->trips < least) least = c->trips;
        if (c->trips > most) most = c->trips;
    }
    int there = slots_there(slots);
    if (there != slots) {
        fprintf(stderr, "round-trips: %s: %d slots are there at the end instead of %d\n", path, there, slots);
        return 1;
    }
    printf("{\"perSecond\":%.0f,\"p50\":%.2f,\"p99\":%.2f,\"longest\":%.1f,\"share\":%.3f}\n", trips / seconds,
           quantile(all, trips, 0.5) / 1e3, quantile(all, trips, 0.99) / 1e3, longest / 1e3,
           most > 0 ? (double)least / most : 0);
    return 0;
}
