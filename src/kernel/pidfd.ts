// pidfd_open(2): a descriptor that becomes readable when its process ends, whoever started it; and signals through it, which
// cannot reach a process that has got the number meanwhile.
import { constants, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { check, libc } from './libc.ts';

// The number is the same on every architecture (asm-generic/unistd.h); C libraries before glibc 2.36 lack the function.
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_SEND_SIGNAL = 424;
const PIDFD_THREAD = constants.O_EXCL;
const syscall = libc.func('syscall', 'long', ['long', 'int', 'unsigned int']);
const syscall4 = libc.func('syscall', 'long', ['long', 'int', 'int', 'void *', 'unsigned int']);

/** A pidfd (close-on-exec) of the process `pid`. @throws SystemError ESRCH when there is none, EINVAL for a thread's id */
export const openPidfd = (pid: number): number => check('pidfd_open', Number(syscall(SYS_PIDFD_OPEN, pid, 0)));

/**
 * A pidfd of the calling thread alone: readable when that ends, though another thread of the process still hangs in a system
 * call. Undefined on kernels before 6.9.
 */
export function openThreadPidfd(): number | undefined {
  const tid = Number(basename(readlinkSync('/proc/thread-self')));
  const fd = Number(syscall(SYS_PIDFD_OPEN, tid, PIDFD_THREAD));
  return fd === -1 ? undefined : fd;
}

/** Sends signal `number` to the process of a pidfd. @throws SystemError ESRCH when it is gone, EPERM */
export function signalPidfd(pidfd: number, number: number): void {
  check('pidfd_send_signal', Number(syscall4(SYS_PIDFD_SEND_SIGNAL, pidfd, number, null, 0)));
}
