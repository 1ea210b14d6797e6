// inotify(7) on FIFOs: tells that a byte was taken or returned, and that an end was opened or closed. Node's fs.watch
// never asks for accesses. Events are hints: equal ones merge, so they say where to look, never how many.
import { closeSync } from 'node:fs';
import { readBytes } from './io.ts';
import { check, libc } from './libc.ts';

const inotifyInit1 = libc.func('int inotify_init1(int flags)');
const inotifyAddWatch = libc.func('int inotify_add_watch(int fd, const char *path, uint32_t mask)');
const inotifyRmWatch = libc.func('int inotify_rm_watch(int fd, int wd)');

export const IN_ACCESS = 0x0001;
export const IN_MODIFY = 0x0002;
export const IN_CLOSE = 0x0018;
export const IN_OPEN = 0x0020;
export const IN_Q_OVERFLOW = 0x4000;

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;
const HEADER_SIZE = 16; // wd, mask, cookie, length of the name

export class Inotify {
  readonly fd: number;
  readonly #buffer = Buffer.alloc(64 * HEADER_SIZE);

  /** @throws SystemError EMFILE when the user has too many inotify instances */
  constructor() {
    this.fd = check('inotify_init1', inotifyInit1(IN_CLOEXEC | IN_NONBLOCK));
  }

  /** Watches `path` for `mask`, or changes the mask of a watch it already has. Returns the watch. @throws SystemError ENOENT, ENOSPC */
  watch(path: string, mask: number): number {
    return check('inotify_add_watch', inotifyAddWatch(this.fd, path, mask));
  }

  unwatch(watch: number): void {
    inotifyRmWatch(this.fd, watch);
  }

  /** Calls `event(watch, mask)` for everything that has happened since the last call; watch is -1 for IN_Q_OVERFLOW. */
  read(event: (watch: number, mask: number) => void): void {
    for (;;) {
      const n = readBytes(this.fd, this.#buffer, this.#buffer.length);
      if (n <= 0) return;
      for (let at = 0; at < n; at += HEADER_SIZE + this.#buffer.readUInt32LE(at + 12)) {
        event(this.#buffer.readInt32LE(at), this.#buffer.readUInt32LE(at + 4));
      }
    }
  }

  close(): void {
    closeSync(this.fd);
  }
}
