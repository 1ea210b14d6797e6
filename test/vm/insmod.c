/* insmod FILE...: loads kernel modules, in this order. The guest has the host's programs, and a container has no such one. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
    if (fd == -1 || syscall(SYS_finit_module, fd, "", 0) == -1) {
      fprintf(stderr, "insmod: cannot load %s: %s\n", argv[i], strerror(errno));
      return 1;
    }
    close(fd);
  }
  return 0;
}
