// A client of the jobserver that forgives nothing: each call has to do what it does at a plain FIFO, or this ends with 1 and says so.
//
//   client block|poll|die NODE LOG ROUNDS   takes a slot, works, gives it back; `die`: is killed in the end, with a slot in its hands
//   client job LOG                          is a job itself
//
// When a job begins and ends stands in LOG, a line for each: `+` or `-`, nanoseconds.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int log_fd;

static void fail(const char *what, long got) {
  fprintf(stderr, "%s: %ld: %s\n", what, got, strerror(errno));
  exit(1);
}

static void note(char sign) {
  struct timespec now;
  char line[64];
  clock_gettime(CLOCK_MONOTONIC, &now);
  int length = snprintf(line, sizeof line, "%c %lld\n", sign, now.tv_sec * 1000000000LL + now.tv_nsec);
  if (write(log_fd, line, length) != length) fail("log", length);
}

static void work(void) {
  note('+');
  usleep(500 + rand() % 3000);
  note('-');
}

static void take(int node, int polls) {
  for (;;) {
    char token;
    if (polls) {
      struct pollfd ready = {node, POLLIN, 0};
      int found = poll(&ready, 1, 60000);
      if (found != 1 || (ready.revents & ~POLLIN)) fail("poll", found == 1 ? ready.revents : found);
    }
    long got = read(node, &token, 1);
    if (got == 1) return;
    if (!polls || errno != EAGAIN) fail("read", got);
  }
}

int main(int argc, char **argv) {
  srand(getpid());
  const char *mode = argv[1];
  int job = !strcmp(mode, "job");
  log_fd = open(argv[job ? 2 : 3], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log_fd < 0) fail("open log", log_fd);
  if (job) {
    work();
    return 0;
  }
  int polls = !strcmp(mode, "poll");
  int node = open(argv[2], O_RDWR | O_CLOEXEC | (polls ? O_NONBLOCK : 0));
  if (node < 0) fail("open", node);
  for (int left = atoi(argv[4]); left > 0; left--) {
    take(node, polls);
    work();
    if (left == 1 && !strcmp(mode, "die")) raise(SIGKILL);
    long put = write(node, "+", 1);
    if (put != 1) fail("write", put);
  }
  if (close(node) != 0) fail("close", -1);
  return 0;
}
