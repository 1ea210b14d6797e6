/* One round of each race: whatever is taken in it is returned in it, or dies with who took it. */
#include "racer-node.h"

enum { THREADS = 3, PATIENCE = 10000 /* ms: who waits longer is stuck */ };

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
