/* A process that is in exec for as long as this runs, and its child, which then opens the file NODE:  held FOLDER NODE
   Mounts a FUSE file system at FOLDER, seen by these processes only, that never answers FLUSH; the exec waits for that answer.
   Meanwhile every reader of /proc/PID/stat, exe, cwd and environ of that process waits as well. Ends by itself after 20 s. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int device;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void reply(const struct fuse_in_header *request, int error, const void *body, size_t length) {
  char message[256];
  struct fuse_out_header head = {.len = sizeof head + length, .error = -error, .unique = request->unique};
  memcpy(message, &head, sizeof head);
  if (length > 0) memcpy(message + sizeof head, body, length);
  if (write(device, message, head.len) < 0 && errno != ENOENT) fail("cannot answer");
}

static struct fuse_attr attributes(unsigned long node) {
  return (struct fuse_attr){.ino = node, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1};
}

/* Answers one request; true when that was a FLUSH, which it does not answer. */
static int serve(void) {
  static char buffer[1 << 17];
  if (read(device, buffer, sizeof buffer) < 0) fail("cannot read the device");
  const struct fuse_in_header *request = (const void *)buffer;
  switch (request->opcode) {
    case FUSE_INIT:
      reply(request, 0, &(struct fuse_init_out){.major = 7, .minor = 31, .max_write = 4096}, sizeof(struct fuse_init_out));
      break;
    case FUSE_LOOKUP:
      reply(request, 0, &(struct fuse_entry_out){.nodeid = 2, .attr = attributes(2)}, sizeof(struct fuse_entry_out));
      break;
    case FUSE_GETATTR:
      reply(request, 0, &(struct fuse_attr_out){.attr = attributes(request->nodeid)}, sizeof(struct fuse_attr_out));
      break;
    case FUSE_OPEN:
      reply(request, 0, &(struct fuse_open_out){.fh = 1}, sizeof(struct fuse_open_out));
      break;
    case FUSE_FLUSH:
      return 1;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      break;
    default:
      reply(request, ENOSYS, NULL, 0);
  }
  return 0;
}

static void child(const char *node, int go) {
  char byte;
  if (read(go, &byte, 1) != 1) exit(1);
  int opened = open(node, O_RDWR | O_NONBLOCK);
  printf(opened < 0 ? "refused\n" : "opened\n");
  fflush(stdout);
  pause();
}

int main(int count, char **args) {
  char options[64], file[4096];
  int go[2];
  if (count != 3) return 2;
  alarm(20);
  if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("cannot be alone");
  if ((device = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0 || pipe(go) < 0) fail("cannot begin");
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
  snprintf(file, sizeof file, "%s/file", args[1]);
  if (mount("held", args[1], "fuse", 0, options) < 0) fail("cannot mount");
  if (fork() == 0) {
    close(device);
    alarm(20);
    if (open(file, O_RDONLY | O_CLOEXEC) < 0) fail("cannot open the file");
    if (fork() == 0) child(args[2], go[0]);
    execlp("sleep", "sleep", "600", NULL);
    fail("cannot become sleep");
  }
  while (!serve());
  printf("in exec\n");
  fflush(stdout);
  if (write(go[1], "", 1) != 1) fail("cannot tell the child");
  for (;;) serve();
}
