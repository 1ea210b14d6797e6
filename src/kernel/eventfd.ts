// eventfd(2): the one way another thread wakes a loop that waits in epoll.
import { closeSync } from 'node:fs';
import { readBytes, writeBytes } from './io.ts';
import { check, libc } from './libc.ts';

const eventfd = libc.func('int eventfd(unsigned int initval, int flags)');

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

const ONE = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

/** A new non-blocking eventfd. @throws SystemError EMFILE, ENFILE, ENOMEM */
export const openEventfd = (): number => check('eventfd', eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

/** Makes `fd` readable. Any thread may call it, any number of times: the wake-ups add up to one. */
export function signalEventfd(fd: number): void {
  writeBytes(fd, ONE, ONE.length);
}

const drained = Buffer.alloc(8);

/** Makes `fd` unreadable again. */
export function clearEventfd(fd: number): void {
  readBytes(fd, drained, drained.length);
}

export const closeEventfd = (fd: number): void => closeSync(fd);
