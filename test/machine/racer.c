/* Races at one node of the machine's jobserver.
 *
 *   racer MODE NODE SEED
 *
 * Reads commands, one a line, and answers each with one line of JSON:
 *   run N    gives back what it holds and runs N rounds of MODE; the counts since the start
 *   hold N   takes up to N tokens, as many as there are without waiting: {"held": what it holds now}
 *   many N   opens the node so many times more; `hold` and `run` then use one after the other
 *   read     blocks in a read of one token
 *   exec     becomes another program, which ends at once, with all descriptors of the node close-on-exec
 *   keep     becomes another program that has the node open and ends at once
 *   leave    forks a child that inherits everything and ends; the child ends after that
 * At the end of its input it ends, without giving anything back. It never counts a token that it does not have: who kills
 * it or lets it end knows from its last answer what it held. */
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

enum { THREADS = 3, PATIENCE = 10000 /* ms: who waits longer is stuck */ };

static struct {
    _Atomic unsigned long rounds, reads, writes, interrupted, again, stuck, kills, late;
} counts;
static const char *node;
static int both, looking; /* the node, opened to read and write, and to read without blocking */
static int *more, opened;  /* what `many` opened */
static int held;
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

/* ---- a blocked read, a write, an open, against a signal */

static void on_alarm(int signal) { (void)signal; }

static void set_alarm(long first, long next) {
    struct itimerval time = {{0, next}, {0, first}};
    setitimer(ITIMER_REAL, &time, NULL);
}

static void interrupt_round(void) {
    set_alarm(10 + below(490), 200 + below(500));
    if (below(16) == 0) close(open_node(O_RDWR));
    if (take(both)) {
        rest(below(500));
        give(both);
    }
    set_alarm(0, 0);
}

/* ---- a reader against SIGKILL: before, at and after the reply */

static void victim(int tell) {
    int fd = !is_pipe && below(2) ? both : open_node(O_RDWR); /* what dies in a shared pipe is lost as long as that is open */
    int returns = below(2);
    note(tell);
    for (;;) {
        take_surely(fd);
        note(tell);
        if (!returns) pause();
        give(fd);
    }
}

static void death_round(void) {
    int tell[2];
    if (pipe2(tell, O_CLOEXEC) < 0) fail("cannot make a pipe");
    pid_t child = split();
    if (child == 0) victim(tell[1]);
    close(tell[1]);
    for (unsigned notes = below(3); notes > 0; notes--) noted(tell[0]);
    rest(below(2) * below(400));
    kill(child, SIGKILL);
    reap(child);
    close(tell[0]);
    counts.kills++;
}

/* ---- pollers and who does not block, against other takers */

static int wait_readable(int fd, int way, const int *epolls, int ms) {
    struct pollfd one = {fd, POLLIN, 0};
    struct timeval time = {ms / 1000, ms % 1000 * 1000};
    struct epoll_event event;
    fd_set set;
    switch (way) {
    case 0: return poll(&one, 1, ms);
    case 1:
        FD_ZERO(&set);
        FD_SET(fd, &set);
        return select(fd + 1, &set, NULL, NULL, &time);
    default: return epoll_wait(epolls[way - 2], &event, 1, ms);
    }
}

static void poll_round(void) {
    static int epolls[2]; /* by level, by edge */
    if (epolls[0] == 0) {
        for (int edge = 0; edge < 2; edge++) {
            struct epoll_event event = {EPOLLIN | (edge ? EPOLLET : 0), {0}};
            epolls[edge] = epoll_create1(EPOLL_CLOEXEC);
            if (epoll_ctl(epolls[edge], EPOLL_CTL_ADD, looking, &event) < 0) fail("cannot use epoll");
        }
    }
    int way = below(4);
    if (below(4) == 0) { /* asks to be told, and does not come then */
        wait_readable(looking, way, epolls, 1);
        return;
    }
    while (!take(looking)) {
        int ready = wait_readable(looking, way, epolls, PATIENCE);
        if (ready < 0 && errno != EINTR) fail("cannot poll");
        if (ready == 0) counts.stuck++;
    }
    rest(below(500));
    give(both);
}

/* ---- opens, closes, forks and execs, from several threads */

static void open_once(void) {
    int fd = open_node(O_RDWR | (below(2) ? O_CLOEXEC : 0)), copy;
    pid_t child;
    switch (below(below(8) == 0 ? 7 : 4)) {
    case 0: break;
    case 1: /* take by one open, return by another */
        take_surely(fd);
        give(both);
        break;
    case 2: /* the other way, and by a copy */
        copy = dup(fd);
        take_surely(both);
        close(fd);
        fd = copy;
        give(fd);
        break;
    case 3: /* without waiting, by an open of its own */
        copy = open_node(O_RDONLY | O_NONBLOCK);
        if (take(copy)) give(fd);
        close(copy);
        break;
    case 4: /* a child closes while we wait */
        if ((child = split()) == 0) {
            close(fd);
            close(both);
            _exit(0);
        }
        take_surely(fd);
        give(fd);
        reap(child);
        break;
    case 5: /* a child opens, takes and returns while we do */
        if ((child = split()) == 0) {
            copy = open_node(O_RDWR);
            take_surely(copy);
            give(copy);
            _exit(0);
        }
        close(fd);
        fd = open_node(O_RDWR);
        take_surely(fd);
        give(fd);
        reap(child);
        break;
    default: /* a child becomes another program */
        if ((child = split()) == 0) become("end", 0);
        take_surely(fd);
        give(both);
        reap(child);
    }
    close(fd);
}

static void *open_thread(void *rounds) {
    long *seeded = rounds;
    state = seeded[1] | 1;
    for (long i = 0; i < seeded[0]; i++) {
        open_once();
        counts.rounds++;
    }
    return NULL;
}

static void open_rounds(long rounds) {
    pthread_t threads[THREADS];
    long parts[THREADS][2];
    for (int i = 0; i < THREADS; i++) {
        parts[i][0] = rounds / THREADS + (i < rounds % THREADS);
        parts[i][1] = below(1u << 30);
        if (pthread_create(&threads[i], NULL, open_thread, parts[i]) != 0) fail("cannot start a thread");
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

/* ---- what a parent opened and took, in the hands of its child */

/* The parent's part ends in the child of `fork_round`, its child's part in that one's child. */
static void heir(int fd, int how, int from_parent, int to_parent) {
    if (how == 1) { /* returns what the parent took; the parent lives until then */
        give(fd);
        note(to_parent);
    } else if (how == 2) give(fd); /* the parent may be gone: late, if so */
    else {
        if (how == 3) noted(from_parent); /* first the parent ends */
        take_surely(fd);
        if (below(2)) give(fd);
    }
    _exit(0);
}

static void fork_round(void) {
    int how = below(4), down[2], up[2];
    pid_t parent = split();
    if (parent == 0) {
        int fd = open_node(O_RDWR);
        if (how != 3) take_surely(fd);
        if (pipe(down) < 0 || pipe(up) < 0) fail("cannot make a pipe");
        if (split() == 0) {
            close(down[1]);
            close(up[0]);
            heir(fd, how, down[0], up[1]);
        }
        close(up[1]);
        if (how == 0 && (is_pipe || below(2))) give(fd); /* what lies in a shared pipe's past cannot be told apart */
        if (how == 1) noted(up[0]);
        _exit(0);
    }
    if (how == 2) counts.late++;
    reap(parent);
    int status;
    while (wait(&status) > 0 || errno == EINTR) /* we are the next of kin of who lost its parent */
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0) fail("a grandchild ended with %d", WEXITSTATUS(status));
}

/* ---- execs with the node open */

static void *blocked(void *fd) {
    take_surely(*(int *)fd);
    pause();
    return NULL;
}

static void *becoming(void *fd) {
    become("return", *(int *)fd);
    return NULL;
}

static void exec_round(void) {
    int how = below(4);
    pid_t child = split();
    if (child == 0) {
        pthread_t thread;
        int fd = open_node(O_RDWR | (how % 2 ? 0 : O_CLOEXEC));
        if (how == 2) { /* while another thread waits, or holds */
            pthread_create(&thread, NULL, blocked, &fd);
            rest(below(300));
        } else if (how != 0 || below(2)) take_surely(fd);
        if (how == 3) { /* not from the first thread */
            pthread_create(&thread, NULL, becoming, &fd);
            for (;;) pause();
        }
        become(how == 1 ? "return" : "end", fd);
    }
    reap(child);
}

/* ---- from SIGKILL of a holder to the read of a waiter, in a pool of one */

static void waiter(int go, int back) {
    int fd = open_node(O_RDWR);
    while (noted(go)) {
        take_surely(fd);
        long long at = now_us();
        give(fd);
        if (write(back, &at, sizeof at) != sizeof at) _exit(3);
    }
    _exit(0);
}

/* Whether the process has gone to sleep in a read of something else than the descriptor `not`. */
static int sleeps_in_read(pid_t pid, int not) {
    char path[64], text[64] = "";
    long call, fd;
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) < 0) return 0;
    close(file);
    return sscanf(text, "%ld %li", &call, &fd) == 2 && call == SYS_read && fd != not;
}

static void reclaim_rounds(long rounds) {
    int go[2], back[2], tell[2];
    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0) fail("cannot make a pipe");
    pid_t reader = split();
    if (reader == 0) {
        close(go[1]);
        waiter(go[0], back[1]);
    }
    printf("{\"times\":[");
    for (long i = 0; i < rounds; i++) {
        long long killed, came;
        if (pipe2(tell, O_CLOEXEC) < 0) fail("cannot make a pipe");
        pid_t holder = split();
        if (holder == 0) {
            take_surely(open_node(O_RDWR));
            note(tell[1]);
            for (;;) pause();
        }
        close(tell[1]);
        if (!noted(tell[0])) fail("the holder died");
        note(go[1]);
        while (!sleeps_in_read(reader, go[0])) rest(50);
        killed = now_us();
        kill(holder, SIGKILL);
        if (read(back[0], &came, sizeof came) != sizeof came) fail("the waiter died");
        printf("%s%lld", i > 0 ? "," : "", came - killed);
        close(tell[0]);
        reap(holder);
    }
    printf("]}\n");
    fflush(stdout);
    close(go[1]);
    reap(reader);
    close(go[0]);
    close(back[0]);
    close(back[1]);
}

/* ---- commands */

static const struct {
    const char *name;
    void (*round)(void);
} MODES[] = {{"interrupt", interrupt_round}, {"death", death_round}, {"poll", poll_round},
             {"fork", fork_round},           {"exec", exec_round},   {NULL, NULL}};

static int any(void) { return opened > 0 ? more[below(opened)] : both; }

static void run(const char *mode, long rounds) {
    for (; held > 0; held--) give(any());
    if (strcmp(mode, "reclaim") == 0) {
        reclaim_rounds(rounds);
        return;
    }
    if (strcmp(mode, "open") == 0) open_rounds(rounds);
    else
        for (int i = 0; MODES[i].name != NULL; i++)
            for (long left = strcmp(mode, MODES[i].name) == 0 ? rounds : 0; left > 0; left--, counts.rounds++)
                MODES[i].round();
    printf("{\"rounds\":%lu,\"reads\":%lu,\"writes\":%lu,\"interrupted\":%lu,\"again\":%lu,\"stuck\":%lu,\"kills\":%lu,"
           "\"late\":%lu}\n",
           counts.rounds, counts.reads, counts.writes, counts.interrupted, counts.again, counts.stuck, counts.kills,
           counts.late);
}

static void hold(long count) {
    for (; count > 0; count--) {
        int fd = any(), flags = fcntl(fd, F_GETFL);
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        int took = take(fd);
        fcntl(fd, F_SETFL, flags);
        if (!took) break;
        held++;
    }
    printf("{\"held\":%d}\n", held);
}

static void open_many(long count) {
    struct rlimit limit = {count + 64, count + 64};
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) fail("cannot raise the limit of descriptors");
    more = malloc(count * sizeof *more);
    for (opened = 0; opened < count; opened++) more[opened] = open_node(O_RDWR | O_CLOEXEC);
    printf("{\"opened\":%d}\n", opened);
}

static void leave(void) {
    pid_t parent = getpid();
    if (split() != 0) _exit(0);
    while (getppid() == parent) rest(1000);
    _exit(0);
}

int main(int argc, char **argv) {
    char line[64], verb[16];
    if (argc == 3) { /* what a racer has become */
        if (strcmp(argv[1], "return") == 0) give(atoi(argv[2]));
        return 0;
    }
    if (argc != 4) return 2;
    struct sigaction action = {0};
    action.sa_handler = on_alarm; /* without SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    node = argv[2];
    state = (unsigned)strtoul(argv[3], NULL, 10) * 2654435761u | 1;
    both = open_node(O_RDWR | O_CLOEXEC);
    looking = open_node(O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    if (fstat(both, &status) < 0) fail("cannot stat");
    is_pipe = S_ISFIFO(status.st_mode);
    while (fgets(line, sizeof line, stdin) != NULL) {
        long count = 0;
        if (sscanf(line, "%15s %ld", verb, &count) < 1) return 2;
        if (strcmp(verb, "run") == 0) run(argv[1], count);
        else if (strcmp(verb, "hold") == 0) hold(count);
        else if (strcmp(verb, "many") == 0) open_many(count);
        else if (strcmp(verb, "read") == 0) {
            take_surely(any());
            printf("{\"held\":%d}\n", ++held);
        } else if (strcmp(verb, "exec") == 0) become("end", both);
        else if (strcmp(verb, "keep") == 0) {
            fcntl(both, F_SETFD, 0);
            become("end", both);
        } else if (strcmp(verb, "leave") == 0) leave();
        else return 2;
        fflush(stdout);
    }
    return 0;
}
