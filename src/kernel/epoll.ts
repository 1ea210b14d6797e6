// epoll(7): waiting for many descriptors in one call. One Epoll owns one epoll descriptor and one event buffer.
import { closeSync } from 'node:fs';
import os from 'node:os';
import { check, errno, libc, SystemError } from './libc.ts';

const epollCreate1 = libc.func('int epoll_create1(int flags)');
const epollCtl = libc.func('int epoll_ctl(int epfd, int op, int fd, void *event)');
const epollWait = libc.func('int epoll_wait(int epfd, _Out_ uint8_t *events, int maxevents, int timeout)');
// Unlike epoll_wait it counts in nanoseconds; Linux 5.11. The number is the same on every architecture.
const SYS_EPOLL_PWAIT2 = 441;
const epollPwait2 = libc.func('syscall', 'long', [
  'long',
  'int',
  '_Out_ uint8_t *',
  'int',
  'void *',
  'void *',
  'size_t',
]);

const poll = libc.func('int poll(_Inout_ void *fds, unsigned long nfds, int timeout)');
const POLLIN = 1;

export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLERR = 0x008;
export const EPOLLET = 0x8000_0000;

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const { EINTR } = os.constants.errno;

// struct epoll_event is packed on x86-64 only (linux/eventpoll.h): 4 bytes of events, then 8 of data.
const PACKED = process.arch === 'x64';
const DATA_AT = PACKED ? 4 : 8;
const EVENT_SIZE = PACKED ? 12 : 16;
const MAX_EVENTS = 64;

/** Calls `ready` as soon as `fd` is readable; a thread of Node's pool waits for that meanwhile. */
export function pollInBackground(fd: number, ready: () => void): void {
  const pollfd = Int32Array.of(fd, POLLIN);
  poll.async(pollfd, 1, -1, () => {
    if (pollfd.length > 0) ready();
  });
}

export class Epoll {
  readonly fd: number;
  readonly #events = Buffer.alloc(EVENT_SIZE * MAX_EVENTS);
  readonly #event = Buffer.alloc(EVENT_SIZE);
  /** struct timespec: seconds, nanoseconds. */
  readonly #timeout = new BigInt64Array(2);
  #coarse = false;

  /** @throws SystemError EMFILE, ENFILE, ENOMEM */
  constructor() {
    this.fd = check('epoll_create1', epollCreate1(EPOLL_CLOEXEC));
  }

  /** Watches `fd` for `events` (EPOLLIN …; EPOLLERR and EPOLLHUP always come). @throws SystemError EEXIST, EPERM, ENOSPC */
  add(fd: number, events: number): void {
    this.#event.writeUInt32LE(events >>> 0, 0);
    this.#event.writeUInt32LE(fd, DATA_AT);
    check('epoll_ctl', epollCtl(this.fd, EPOLL_CTL_ADD, fd, this.#event));
  }

  /** Stops watching `fd`. @throws SystemError ENOENT when it was not watched */
  remove(fd: number): void {
    check('epoll_ctl', epollCtl(this.fd, EPOLL_CTL_DEL, fd, this.#event));
  }

  /**
   * Waits up to `timeout` milliseconds (-1: for ever; fractions count) and calls `ready(fd, events)` for each descriptor that
   * has something. Returns their number: 0 after a time-out or a signal.
   */
  wait(timeout: number, ready: (fd: number, events: number) => void): number {
    const count = this.#wait(timeout);
    if (count === -1) {
      if (errno() === EINTR) return 0;
      throw new SystemError('epoll_wait');
    }
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_SIZE;
      ready(this.#events.readUInt32LE(at + DATA_AT), this.#events.readUInt32LE(at));
    }
    return count;
  }

  #wait(timeout: number): number {
    if (timeout > 0 && !this.#coarse) {
      this.#timeout[0] = BigInt(Math.floor(timeout / 1000));
      this.#timeout[1] = BigInt(Math.ceil((timeout % 1000) * 1e6));
      const count = Number(epollPwait2(SYS_EPOLL_PWAIT2, this.fd, this.#events, MAX_EVENTS, this.#timeout, null, 0));
      if (count !== -1 || errno() === EINTR) return count;
      this.#coarse = true; // an old kernel, or a filter that does not know the call
    }
    return epollWait(this.fd, this.#events, MAX_EVENTS, Math.ceil(timeout));
  }

  close(): void {
    closeSync(this.fd);
  }
}
