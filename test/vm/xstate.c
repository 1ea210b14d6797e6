/* Loaded into User-Mode Linux by LD_PRELOAD. Its kernel 6.1 saves the registers of a process in a buffer of a fixed size, which is too small for
   processors with many of them (AMX): setting them by ptrace(2) then fails, and with it the guest's first process. Here what is set is
   filled up to the size that the host's kernel wants, with the registers that the guest does not know marked as unused. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

typedef long tracer(enum __ptrace_request request, pid_t pid, void *addr, void *data);

/* Where XSTATE_BV lies in an XSAVE area, and the bits of AMX in it (Intel SDM 1, 13.4). */
enum { XSTATE_BV = 512 };
static const uint64_t AMX = UINT64_C(3) << 17;

static uint8_t area[1 << 16] __attribute__((aligned(64)));

long ptrace(enum __ptrace_request request, ...) {
  static tracer *real;
  static size_t wanted;
  va_list args;
  va_start(args, request);
  pid_t pid = va_arg(args, pid_t);
  void *addr = va_arg(args, void *);
  void *data = va_arg(args, void *);
  va_end(args);
  if (real == NULL) real = (tracer *)dlsym(RTLD_NEXT, "ptrace");
  if (request != PTRACE_SETREGSET || (uintptr_t)addr != NT_X86_XSTATE) return real(request, pid, addr, data);

  const struct iovec *given = data;
  struct iovec whole = {area, sizeof area};
  if (wanted == 0 && real(PTRACE_GETREGSET, pid, addr, &whole) == 0) wanted = whole.iov_len;
  if (given->iov_len >= wanted) return real(request, pid, addr, data);
  uint64_t used;
  memset(area, 0, wanted);
  memcpy(area, given->iov_base, given->iov_len);
  memcpy(&used, area + XSTATE_BV, sizeof used);
  used &= ~AMX;
  memcpy(area + XSTATE_BV, &used, sizeof used);
  whole.iov_len = wanted;
  return real(request, pid, addr, &whole);
}
