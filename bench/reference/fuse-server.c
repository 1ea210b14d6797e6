/* The yardstick of the file node: a jobserver served with libfuse's low-level API, on one thread, with as little as such a
 * server can do: an account for each process, one queue, an answer to each interrupt.
 *
 *   fuse-server DIR N     serves DIR/jobserver with N slots until SIGTERM; prints one line when it can be used
 *
 * It owns a pool in the open. free + taken = N; what a process took and did not return is free again when the last file that
 * it opened is closed. A byte more than was taken is swallowed.
 * It never decides who is next: first come, first served, and whoever polls is woken with all the others, as the jobservers
 * that are in use do it. Threads count as processes, edge-triggered epoll is not served, descendants that use a file which they
 * did not open are accounted but not cleaned up after. */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOT = 1, JOBSERVER = 2, BUCKETS = 1024 };
static const char NAME[] = "jobserver";

struct account {
    pid_t pid;
    long held;            /* slots taken and not returned; negative when it returned another's */
    unsigned files;       /* open files that it opened itself */
    struct account *next; /* in its bucket */
};

/* One that waits: a blocked read, or an open file that was polled in vain. */
struct waiter {
    struct waiter *before, *after; /* in the queue, a ring; null outside it */
    fuse_req_t req;                /* the read; null for a poller */
    struct account *account;       /* who gets the slot; null for a poller */
    struct fuse_pollhandle *poll;  /* how to wake the poller; null for a read */
};

struct file {
    struct account *opener;
    struct waiter poller;
};

static struct account *accounts[BUCKETS];
static struct waiter queue = {.before = &queue, .after = &queue};
static struct waiter *spare; /* waiters of reads that were answered, linked by `after` */
static unsigned capacity, unused, pollers;

/* --- accounts --- */

static struct account **place_of(pid_t pid) {
    struct account **place = &accounts[pid % BUCKETS];
    while (*place && (*place)->pid != pid) place = &(*place)->next;
    return place;
}

static struct account *account_of(pid_t pid) {
    struct account **place = place_of(pid);
    if (!*place) {
        *place = calloc(1, sizeof **place);
        if (!*place) abort();
        (*place)->pid = pid;
    }
    return *place;
}

/* --- the queue --- */

static void enqueue(struct waiter *w) {
    w->after = &queue;
    w->before = queue.before;
    queue.before->after = w;
    queue.before = w;
}

static void dequeue(struct waiter *w) {
    w->before->after = w->after;
    w->after->before = w->before;
    w->before = w->after = NULL;
}

static struct waiter *new_waiter(void) {
    struct waiter *w = spare;
    if (w) spare = w->after;
    else if (!(w = malloc(sizeof *w))) abort();
    memset(w, 0, sizeof *w);
    return w;
}

static void drop(struct waiter *w) {
    dequeue(w);
    w->after = spare;
    spare = w;
}

static void forget_poller(struct waiter *w) {
    if (w->after) {
        dequeue(w);
        pollers--;
    }
    if (w->poll) fuse_pollhandle_destroy(w->poll);
    w->poll = NULL;
}

/* --- slots --- */

static bool give(fuse_req_t req, struct account *account) {
    if (fuse_reply_buf(req, "+", 1) != 0) return false; /* killed meanwhile */
    unused--;
    account->held++;
    return true;
}

static void wake_pollers(void) {
    for (struct waiter *w = queue.after, *after; pollers > 0; w = after) {
        after = w->after;
        if (!w->poll) continue;
        fuse_lowlevel_notify_poll(w->poll);
        forget_poller(w);
    }
}

/* Slots became free: in the order of the queue, but the first poller wakes all. */
static void serve_queue(void) {
    while (unused > 0 && queue.after != &queue) {
        struct waiter *w = queue.after;
        if (w->poll) {
            wake_pollers();
            continue;
        }
        give(w->req, w->account);
        drop(w);
    }
}

static void take_back(struct account *account, unsigned slots) {
    account->held -= slots;
    unused = unused + slots > capacity ? capacity : unused + slots;
    serve_queue();
}

/* --- requests --- */

static void attributes(fuse_ino_t ino, struct stat *st) {
    memset(st, 0, sizeof *st);
    st->st_ino = ino;
    st->st_mode = ino == ROOT ? S_IFDIR | 0755 : S_IFREG | 0666;
    st->st_nlink = ino == ROOT ? 2 : 1;
    st->st_size = ino == ROOT ? 0 : 1; /* a write beyond the end would not be let in beside others */
}

/* Without what libfuse 3.14 has no name for, but for STREAM: as a server is that does nothing by hand. */
static bool plain;

static void init(void *data, struct fuse_conn_info *conn) {
    (void)data;
    conn->max_write = 4096;
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
    struct fuse_entry_param entry = {.ino = JOBSERVER};
    if (parent != ROOT || strcmp(name, NAME)) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    attributes(JOBSERVER, &entry.attr);
    fuse_reply_entry(req, &entry);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    (void)fi;
    struct stat st;
    attributes(ino, &st);
    fuse_reply_attr(req, &st, 3600);
}

static void setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int which, struct fuse_file_info *fi) {
    (void)st, (void)which;
    getattr(req, ino, fi); /* a shell's > truncates */
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    (void)fi;
    if (ino != JOBSERVER) {
        fuse_reply_err(req, EISDIR);
        return;
    }
    struct file *file = calloc(1, sizeof *file);
    if (!file) abort();
    file->opener = account_of(fuse_req_ctx(req)->pid);
    /* By hand, for libfuse 3.14 has no names for two of them. Without STREAM a write to a file waits for a read that blocks on
     * it; without PARALLEL_DIRECT_WRITES clients queue up for the inode before they may return a slot. */
    struct fuse_open_out out = {
        .fh = (uintptr_t)file,
        .open_flags = FOPEN_DIRECT_IO | FOPEN_NONSEEKABLE | FOPEN_STREAM | (plain ? 0 : FOPEN_PARALLEL_DIRECT_WRITES),
    };
    if (fuse_reply_buf(req, (const char *)&out, sizeof out) == 0) file->opener->files++;
    else free(file); /* killed meanwhile */
}

static void close_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    (void)ino;
    struct file *file = (struct file *)(uintptr_t)fi->fh;
    struct account *account = file->opener;
    fuse_reply_err(req, 0);
    forget_poller(&file->poller);
    free(file);
    if (--account->files > 0) return;
    if (account->held > 0) take_back(account, account->held);
    for (struct waiter *w = queue.after; w != &queue; w = w->after)
        if (w->account == account) return; /* a descendant's file, its own read: it stays */
    *place_of(account->pid) = account->next;
    free(account);
}

static void interrupted(fuse_req_t req, void *data) {
    fuse_reply_err(req, EINTR);
    drop(data);
}

static void read_slot(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi) {
    (void)ino, (void)off;
    struct account *account = account_of(fuse_req_ctx(req)->pid);
    if (size == 0) fuse_reply_buf(req, NULL, 0);
    else if (unused > 0) give(req, account);
    else if (fi->flags & O_NONBLOCK) fuse_reply_err(req, EAGAIN);
    else if (fuse_req_interrupted(req)) fuse_reply_err(req, EINTR);
    else {
        struct waiter *w = new_waiter();
        w->req = req;
        w->account = account;
        enqueue(w);
        fuse_req_interrupt_func(req, interrupted, w);
    }
}

static void write_slots(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, off_t off,
                        struct fuse_file_info *fi) {
    (void)ino, (void)bytes, (void)off, (void)fi;
    struct account *account = account_of(fuse_req_ctx(req)->pid);
    fuse_reply_write(req, size);
    take_back(account, size);
}

static void poll_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *handle) {
    (void)ino;
    struct waiter *poller = &((struct file *)(uintptr_t)fi->fh)->poller;
    if (handle && unused == 0) {
        bool waits = poller->after;
        if (poller->poll) fuse_pollhandle_destroy(poller->poll);
        poller->poll = handle;
        if (!waits) {
            enqueue(poller);
            pollers++;
        }
    } else if (handle) fuse_pollhandle_destroy(handle);
    fuse_reply_poll(req, POLLOUT | POLLWRNORM | (unused > 0 ? POLLIN | POLLRDNORM : 0));
}

static const struct fuse_lowlevel_ops OPERATIONS = {
    .init = init,
    .lookup = lookup,
    .getattr = getattr,
    .setattr = setattr,
    .open = open_file,
    .read = read_slot,
    .write = write_slots,
    .poll = poll_file,
    .release = close_file,
};

int main(int argc, char **argv) {
    plain = argc == 4 && !strcmp(argv[3], "plain");
    capacity = unused = argc == 3 || plain ? strtoul(argv[2], NULL, 10) : 0;
    if (capacity == 0) {
        fprintf(stderr, "usage: fuse-server DIR SLOTS [plain]\n");
        return 2;
    }
    char *options[] = {argv[0], "-oallow_other,fsname=fuse-server", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(2, options);
    struct fuse_session *session = fuse_session_new(&args, &OPERATIONS, sizeof OPERATIONS, NULL);
    if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, argv[1])) return 1;
    printf("fuse-server: %u slots at %s/%s\n", capacity, argv[1], NAME);
    fflush(stdout);
    int failed = fuse_session_loop(session);
    fuse_session_unmount(session);
    fuse_remove_signal_handlers(session);
    fuse_session_destroy(session);
    fuse_opt_free_args(&args);
    return failed < 0;
}
