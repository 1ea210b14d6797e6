// A client that uses the node by ways that no build does; it says what came of it, and leaves with 0.
//
//   strange uring|closes|shares|traced NODE       all of them need two slots to be free
//   strange setuid NODE PROGRAM ARG               takes a slot and becomes PROGRAM
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int node;
static const char *path;

static void fail(const char *what, long got) {
  printf("%s: %ld: %s\n", what, got, strerror(got < 0 && got > -200 ? -got : errno));
  exit(1);
}

static int open_node(void) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("open", fd);
  return fd;
}

static void take(int fd) {
  char token;
  long got;
  do got = read(fd, &token, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) fail("read", got);
}

static void give(int fd) {
  long put = write(fd, "+", 1);
  if (put != 1) fail("write", put);
}

// One ring, of which one request is under way at a time or several.
static int ring;
static struct io_uring_params params;
static char *queue, *entries;

static void ring_open(void) {
  ring = syscall(SYS_io_uring_setup, 8, &params);
  if (ring < 0) {
    printf("no io_uring\n");
    exit(0);
  }
  size_t size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  queue = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
  entries = mmap(0, params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
}

static void submit(int opcode, int fd, char *buffer, int tag) {
  unsigned *tail = (unsigned *)(queue + params.sq_off.tail), mask = *(unsigned *)(queue + params.sq_off.ring_mask);
  unsigned at = *tail & mask;
  struct io_uring_sqe *entry = (struct io_uring_sqe *)entries + at;
  memset(entry, 0, sizeof *entry);
  entry->opcode = opcode;
  entry->fd = fd;
  entry->user_data = tag;
  if (opcode == IORING_OP_POLL_ADD) entry->poll32_events = POLLIN;
  else entry->addr = (unsigned long)buffer, entry->len = 1;
  ((unsigned *)(queue + params.sq_off.array))[at] = at;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  long sent = syscall(SYS_io_uring_enter, ring, 1, 0, 0, 0, 0);
  if (sent != 1) fail("submit", sent);
}

static int completed(int *tag) {
  unsigned *head = (unsigned *)(queue + params.cq_off.head), *tail = (unsigned *)(queue + params.cq_off.tail);
  while (__atomic_load_n(tail, __ATOMIC_ACQUIRE) == *head)
    if (syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0 && errno != EINTR) fail("wait", -1);
  struct io_uring_cqe *entry = (struct io_uring_cqe *)(queue + params.cq_off.cqes) + (*head & *(unsigned *)(queue + params.cq_off.ring_mask));
  *tag = entry->user_data;
  int result = entry->res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  return result;
}

static void uring(void) {
  char tokens[4];
  int tag, result;
  ring_open();
  for (int i = 0; i < 2; i++) {
    submit(IORING_OP_READ, node, tokens + i, i);
    if ((result = completed(&tag)) != 1) fail("ring read", result);
  }
  submit(IORING_OP_READ, node, tokens + 2, 2);
  usleep(100000);
  give(node);
  if ((result = completed(&tag)) != 1 || tag != 2) fail("ring read that waited", result);
  int other = open_node();
  submit(IORING_OP_POLL_ADD, other, 0, 3);
  usleep(100000);
  give(node);
  if ((result = completed(&tag)) < 0 || tag != 3) fail("ring poll", result);
  take(other);
  submit(IORING_OP_READ, node, tokens + 3, 4); // nobody will hear of it
  give(node);
  give(other);
}

static void *reads(void *fd) {
  take(*(int *)fd);
  return 0;
}

static void closes(void) {
  take(node);
  take(node);
  int other = open_node(), was = other;
  pthread_t thread;
  pthread_create(&thread, 0, reads, &was);
  usleep(200000);
  close(other);
  give(node);
  pthread_join(thread, 0);
  give(node);
  give(node);
}

static int child_takes(void *_) {
  take(node);
  _exit(0);
}

static void shares(void) {
  static char stack[65536] __attribute__((aligned(16)));
  for (int i = 0; i < 20; i++) {
    int flags[] = {CLONE_FILES | CLONE_VFORK | SIGCHLD, CLONE_FILES | SIGCHLD, CLONE_FILES | CLONE_VM | CLONE_VFORK | SIGCHLD};
    int child = clone(child_takes, stack + sizeof stack, flags[i % 3], 0);
    if (child < 0) fail("clone", child);
    waitpid(child, 0, 0);
    give(node);
  }
}

static void traced(void) {
  int child = fork();
  if (child == 0) {
    for (int i = 0; i < 200; i++) {
      int fd;
      do fd = open(path, O_RDWR | O_CLOEXEC);
      while (fd < 0 && errno == EINTR);
      if (fd < 0) fail("open, traced", fd);
      take(fd);
      give(fd);
      close(fd);
    }
    _exit(0);
  }
  if (ptrace(PTRACE_SEIZE, child, 0, 0) < 0) fail("seize", -1);
  for (int status, stops = 0;;) {
    usleep(rand() % 3000);
    if (stops < 60) ptrace(PTRACE_INTERRUPT, child, 0, 0);
    if (waitpid(child, &status, __WALL) != child) fail("wait", -1);
    if (WIFEXITED(status)) {
      if (WEXITSTATUS(status) != 0) exit(1);
      return;
    }
    if (++stops == 20) usleep(1000000);
    ptrace(PTRACE_CONT, child, 0, 0);
  }
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOLBF, 0);
  path = argv[2];
  node = open_node();
  if (!strcmp(argv[1], "uring")) uring();
  else if (!strcmp(argv[1], "closes")) closes();
  else if (!strcmp(argv[1], "shares")) shares();
  else if (!strcmp(argv[1], "traced")) traced();
  else {
    take(node);
    if (argc > 4) execl(argv[3], argv[3], argv[4], (char *)0);
    fail("exec", -1);
  }
  printf("done\n");
  return 0;
}
