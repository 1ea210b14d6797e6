/* Load for the pool benchmarks: clients of a jobserver FIFO that do nothing but hold tokens.
 *
 *   client cycle  FIFO MS               one client takes and returns as fast as it can
 *   client jobs   FIFO MS CLIENTS US    clients that always want a token, for jobs of US microseconds
 *   client bursts FIFO MS CLIENTS SEED  clients with bursts of 1 to 8 jobs of 1 to 20 ms, and pauses of 0 to 60 ms
 *   client idle   FIFO MS               one client that has the FIFO open and wants nothing
 *
 * Prints "JOBS BUSY_NS": jobs that ended within MS milliseconds, and the time for which tokens were held. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct count {
    unsigned long long jobs, busy;
    char apart[48]; /* one cache line each */
};

static unsigned long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void rest(unsigned long us) {
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&t, &t) == -1 && errno == EINTR) continue;
}

static unsigned long next(unsigned long long *seed) {
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return *seed >> 33;
}

static void job(int fd, unsigned long us, struct count *count) {
    char token;
    while (read(fd, &token, 1) != 1) continue;
    unsigned long long from = now();
    rest(us);
    count->busy += now() - from;
    count->jobs++;
    while (write(fd, &token, 1) != 1) continue;
}

static void client(const char *mode, const char *fifo, unsigned long long argument, struct count *count) {
    int fd = open(fifo, O_RDWR);
    if (fd < 0) { perror(fifo); exit(1); }
    if (!strcmp(mode, "idle")) for (;;) pause();
    if (!strcmp(mode, "jobs")) for (;;) job(fd, argument, count);
    for (;;) {
        for (unsigned long n = 1 + next(&argument) % 8; n > 0; n--) job(fd, 1000 + next(&argument) % 19000, count);
        rest(next(&argument) % 60000);
    }
}

static unsigned long long cycle(const char *fifo, unsigned long long end) {
    unsigned long long cycles = 0;
    char token;
    int fd = open(fifo, O_RDWR);
    while (fd >= 0 && now() < end)
        for (int i = 0; i < 1000; i++, cycles++)
            if (read(fd, &token, 1) != 1 || write(fd, &token, 1) != 1) return 0;
    return cycles;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    unsigned long ms = strtoul(argv[3], 0, 10);
    if (!strcmp(argv[1], "cycle")) {
        printf("%llu 0\n", cycle(argv[2], now() + ms * 1000000ull));
        return 0;
    }
    int clients = argc > 4 ? atoi(argv[4]) : 1;
    unsigned long long argument = argc > 5 ? strtoull(argv[5], 0, 10) : 0;
    struct count *counts = mmap(0, clients * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < clients; i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            client(argv[1], argv[2], strcmp(argv[1], "bursts") ? argument : argument * 1000 + i, &counts[i]);
        }
    rest(ms * 1000);
    unsigned long long jobs = 0, busy = 0;
    for (int i = 0; i < clients; i++) jobs += counts[i].jobs, busy += counts[i].busy;
    printf("%llu %llu\n", jobs, busy);
    fflush(stdout);
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(0) > 0) continue;
    return 0;
}
