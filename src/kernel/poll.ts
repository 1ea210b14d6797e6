// poll(2) for one descriptor.
import { errno, libc } from './libc.ts';

const poll = libc.func('int poll(_Inout_ void *fds, unsigned long nfds, int timeout)');

export const POLLIN = 0x001;
export const POLLOUT = 0x004;

const pollfd = new Int32Array(2); // the descriptor; events and what came of them: two 16-bit fields

/** What of `events` has come after at most `timeout` milliseconds (-1: for ever), 0 for nothing, or the negative errno. */
export function pollOne(fd: number, events: number, timeout: number): number {
  pollfd[0] = fd;
  pollfd[1] = events;
  return poll(pollfd, 1, timeout) === -1 ? -errno() : (pollfd[1] as number) >>> 16;
}
