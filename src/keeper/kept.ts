// The keeper's side of the store: what it holds for the engine process, and the messages that say so. It knows no meaning of
// a descriptor.
import { closeSync } from 'node:fs';
import { MAX_FDS, sendMessage } from '../kernel/fds.ts';
import { EAGAIN } from '../kernel/io.ts';

/** How long to wait for an engine that has not received yet, milliseconds. */
const PAUSE = 2;

export class Kept {
  readonly #fds = new Map<string, number>();

  get size(): number {
    return this.#fds.size;
  }

  keep(key: string, fd: number): void {
    this.drop(key);
    this.#fds.set(key, fd);
  }

  drop(key: string): void {
    const fd = this.#fds.get(key);
    if (fd === undefined) return;
    this.#fds.delete(key);
    closeSync(fd);
  }

  /** Hands everything to a new engine process, which has begun after so many others. Resolves also when it is gone. */
  async handTo(socket: number, restarts: number): Promise<void> {
    const all = [...this.#fds];
    for (let at = 0; at < all.length; at += MAX_FDS) {
      const some = all.slice(at, at + MAX_FDS);
      await sendWhole(
        socket,
        some.map(([key]) => key).join('\n'),
        some.map(([, fd]) => fd),
      );
    }
    await sendWhole(socket, `all ${restarts}`, []);
  }
}

async function sendWhole(socket: number, message: string, fds: readonly number[]): Promise<void> {
  while (sendMessage(socket, message, fds) === -EAGAIN) await new Promise((resolve) => setTimeout(resolve, PAUSE));
}
