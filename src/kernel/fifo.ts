// mkfifo(3) and the question whether anybody has the other end of a FIFO open.
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { check, libc } from './libc.ts';

const mkfifo = libc.func('int mkfifo(const char *path, uint32_t mode)');
const poll = libc.func('int poll(_Inout_ void *fds, unsigned long nfds, int timeout)');
const POLLERR = 0x008;

/** Makes a FIFO at `path` with the mode bits `mode` (the umask applies). @throws SystemError EEXIST, EACCES, ENOSPC … */
export function makeFifo(path: string, mode: number): void {
  check('mkfifo', mkfifo(path, mode));
}

/** Makes a FIFO and opens both ends, not blocking. @throws SystemError or Node's error; then nothing is left */
export function openFifo(path: string, mode: number): { readEnd: number; writeEnd: number } {
  makeFifo(path, mode);
  let readEnd = -1;
  try {
    readEnd = openReadEnd(path);
    return { readEnd, writeEnd: openWriteEnd(path) };
  } catch (error) {
    if (readEnd !== -1) closeSync(readEnd);
    unlinkSync(path);
    throw error;
  }
}

/** Removes the name of a FIFO; one that is gone is what it should be. */
export function removeFifo(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else removed it.
  }
}

/** A non-blocking read end. It opens at once, writer or no writer. @throws Node's ENOENT, EMFILE … */
export const openReadEnd = (path: string): number => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);

/** A path that leads to the open file `fd` of this process, whatever happened to its name. */
export const pathOf = (fd: number): string => `/proc/self/fd/${fd}`;

/** A non-blocking write end; somebody must have a read end open. @throws Node's ENXIO when nobody has */
export const openWriteEnd = (path: string): number => openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);

const pollfd = new Int32Array(2);

/** Whether the pipe of the write end `fd` has a reader at this moment. */
export function hasReader(fd: number): boolean {
  pollfd[0] = fd;
  pollfd[1] = 0; // events, revents: two 16-bit fields
  check('poll', poll(pollfd, 1, 0));
  return (((pollfd[1] as number) >>> 16) & POLLERR) === 0;
}
