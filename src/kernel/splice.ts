// splice(2) from one pipe to another: bytes are moved in one step, so that they lie in one of the two at any moment.
import os from 'node:os';
import { check, errno, libc } from './libc.ts';

const splice = libc.func('splice', 'intptr_t', ['int', 'void *', 'int', 'void *', 'size_t', 'unsigned int']);
const pipe2 = libc.func('int pipe2(_Out_ int *fds, int flags)');

const SPLICE_F_NONBLOCK = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const [major = 0, minor = 0] = os.release().split('.').map(Number);

/** Whether inotify tells of a splice as it does of reads and writes: from Linux 6.8 on. */
export const spliceIsHeard: boolean = major > 6 || (major === 6 && minor >= 8);

/** Moves up to `count` bytes from a pipe to another, without waiting. Returns how many, or the negative errno (EAGAIN: none lies there, or the other is full). */
export function moveBytes(from: number, to: number, count: number): number {
  const moved = Number(splice(from, null, to, null, count, SPLICE_F_NONBLOCK));
  return moved === -1 ? -errno() : moved;
}

/** Both ends of a new pipe, not blocking, close-on-exec. @throws SystemError EMFILE, ENFILE */
export function openPipe(): { readEnd: number; writeEnd: number } {
  const fds = new Int32Array(2);
  check('pipe2', pipe2(fds, O_NONBLOCK | O_CLOEXEC));
  return { readEnd: fds[0] as number, writeEnd: fds[1] as number };
}
