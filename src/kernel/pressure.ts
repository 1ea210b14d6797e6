// Triggers on pressure stall information: the kernel wakes us when tasks were stalled for too long (psi.rst). While one Triggers
// is armed, a thread of Node's pool waits for it.
import { closeSync, openSync, writeSync } from 'node:fs';
import { EPOLLIN, EPOLLPRI, Epoll, pollInBackground } from './epoll.ts';
import { closeEventfd, openEventfd, signalEventfd } from './eventfd.ts';

/** The kernel looks at so long a time, microseconds; without CAP_SYS_RESOURCE it takes multiples of two seconds only. */
const WINDOWS = [1_000_000, 2_000_000];

export class Triggers {
  readonly #epoll = new Epoll();
  readonly #bell = openEventfd();
  readonly #fds: number[] = [];
  #closed = false;

  /** `percent`: of the time that some task may be stalled, for each file. `root`: the folder of the files. */
  constructor(percent: Readonly<Record<string, number>>, pulled: () => void, root: string = '/proc/pressure') {
    this.#epoll.add(this.#bell, EPOLLIN);
    for (const [file, most] of Object.entries(percent)) {
      const fd = openTrigger(`${root}/${file}`, most / 100);
      if (fd === undefined) continue;
      this.#fds.push(fd);
      this.#epoll.add(fd, EPOLLPRI);
    }
    this.#arm(pulled);
  }

  /** How many the kernel took. */
  get size(): number {
    return this.#fds.length;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    signalEventfd(this.#bell);
  }

  #arm(pulled: () => void): void {
    pollInBackground(this.#epoll.fd, () => {
      if (this.#closed) {
        for (const fd of this.#fds) closeSync(fd);
        this.#epoll.close();
        closeEventfd(this.#bell);
        return;
      }
      this.#epoll.wait(0, () => {});
      pulled();
      this.#arm(pulled);
    });
  }
}

/** Undefined where the kernel has no such triggers, or lets us have none. */
function openTrigger(path: string, share: number): number | undefined {
  for (const window of WINDOWS) {
    let fd: number;
    try {
      fd = openSync(path, 'r+');
    } catch {
      return undefined;
    }
    try {
      writeSync(fd, `some ${Math.min(window, Math.max(1, Math.round(share * window)))} ${window}\0`);
      return fd;
    } catch {
      closeSync(fd);
    }
  }
  return undefined;
}
