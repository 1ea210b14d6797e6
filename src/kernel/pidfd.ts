// pidfd_open(2): a descriptor that becomes readable when its process ends, whoever started it; what it tells of how that ended; and
// signals through it, which cannot reach a process that has got the number meanwhile.
import { constants } from 'node:fs';
import { check, libc } from './libc.ts';
import { threadId } from './threads.ts';

// The number is the same on every architecture (asm-generic/unistd.h); C libraries before glibc 2.36 lack the function.
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_SEND_SIGNAL = 424;
const PIDFD_THREAD = constants.O_EXCL;
const syscall = libc.func('syscall', 'long', ['long', 'int', 'unsigned int']);
const syscall4 = libc.func('syscall', 'long', ['long', 'int', 'int', 'void *', 'unsigned int']);

const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', 'void *']);
// linux/pidfd.h: struct pidfd_info as it was published first, and the ioctl that fills it in.
const INFO_SIZE = 64;
const PIDFD_GET_INFO = 0xc040ff0b;
const PIDFD_INFO_EXIT = 8n;
const [MASK_AT, PID_AT, EXIT_AT] = [0, 16, 60];

/** A pidfd (close-on-exec) of the process `pid`. @throws SystemError ESRCH when there is none, EINVAL for a thread's id */
export const openPidfd = (pid: number): number => check('pidfd_open', Number(syscall(SYS_PIDFD_OPEN, pid, 0)));

/**
 * A pidfd of the calling thread alone: readable when that ends, though another thread of the process still hangs in a system
 * call. Undefined on kernels before 6.9.
 */
export function openThreadPidfd(): number | undefined {
  const fd = Number(syscall(SYS_PIDFD_OPEN, threadId(), PIDFD_THREAD));
  return fd === -1 ? undefined : fd;
}

/** What a pidfd tells. */
export interface PidfdInfo {
  /** Its number as this process sees it; 0 once it has been reaped. */
  pid: number;
  /** What wait(2) has told its parent, once that has reaped it, on Linux 6.15 or later. */
  status: number | undefined;
}

/** What a pidfd tells of its process; undefined: nothing, as on kernels before 6.13, or that it is gone, before 6.15. */
export function infoOf(pidfd: number): PidfdInfo | undefined {
  const info = Buffer.alloc(INFO_SIZE);
  info.writeBigUInt64LE(PIDFD_INFO_EXIT, MASK_AT);
  if (ioctl(pidfd, PIDFD_GET_INFO, info) === -1) return undefined;
  const told = (info.readBigUInt64LE(MASK_AT) & PIDFD_INFO_EXIT) !== 0n;
  return { pid: info.readUInt32LE(PID_AT), status: told ? info.readInt32LE(EXIT_AT) : undefined };
}

/** Sends signal `number` to the process of a pidfd. @throws SystemError ESRCH when it is gone, EPERM */
export function signalPidfd(pidfd: number, number: number): void {
  check('pidfd_send_signal', Number(syscall4(SYS_PIDFD_SEND_SIGNAL, pidfd, number, null, 0)));
}
