// pidfd_open(2): a descriptor that becomes readable when its process ends, whoever started it.
import { check, libc } from './libc.ts';

// The number is the same on every architecture (asm-generic/unistd.h); C libraries before glibc 2.36 lack the function.
const SYS_PIDFD_OPEN = 434;
const syscall = libc.func('syscall', 'long', ['long', 'int', 'unsigned int']);

/** A pidfd (close-on-exec) of the process `pid`. @throws SystemError ESRCH when there is none, EINVAL for a thread's id */
export const openPidfd = (pid: number): number => check('pidfd_open', Number(syscall(SYS_PIDFD_OPEN, pid, 0)));
