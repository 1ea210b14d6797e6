/* Clients that come and go, and one that goes round:
 *
 *   flat trips   NODE COUNT   takes a slot and gives it back, COUNT times
 *   flat clients NODE COUNT   COUNT processes, two at a time, that open NODE and take a slot; one in two is killed with it
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "flat: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int open_node(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("open");
  return fd;
}

static void take(int fd) {
  char token;
  if (read(fd, &token, 1) != 1) fail("read");
}

static void give(int fd) {
  if (write(fd, "+", 1) != 1) fail("write");
}

static pid_t client(const char *path, int dies) {
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  int fd = open_node(path);
  take(fd);
  if (dies) kill(getpid(), SIGKILL);
  give(fd);
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  long count = atol(argv[3]);
  if (strcmp(argv[1], "trips") == 0) {
    int fd = open_node(argv[2]);
    for (long i = 0; i < count; i++) take(fd), give(fd);
    return 0;
  }
  for (long i = 0; i < count; i += 2) {
    client(argv[2], 1);
    client(argv[2], 0);
    for (int ended = 0; ended < 2; ended++) {
      int status;
      if (wait(&status) < 0) fail("wait");
      if (!WIFSIGNALED(status) && WEXITSTATUS(status) != 0) return 1;
    }
  }
  return 0;
}
