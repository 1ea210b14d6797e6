// flock(2): the lock that says which daemon owns a runtime directory. The kernel drops it when its holder dies.
import os from 'node:os';
import { errno, libc, SystemError } from './libc.ts';

const flock = libc.func('int flock(int fd, int operation)');
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Takes the exclusive lock of the open file `fd`; false when somebody else has it. @throws SystemError ENOLCK, EBADF */
export function tryLock(fd: number): boolean {
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  if (errno() === os.constants.errno.EWOULDBLOCK) return false;
  throw new SystemError('flock');
}
