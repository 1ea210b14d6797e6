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
#include "racer-rounds.h"

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

static int *more, opened; /* what `many` opened */
static int held;

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
