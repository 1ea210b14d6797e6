// The keeper's side of the store: what it holds for the engine process, and the messages that say so. It knows no meaning of
// a descriptor.
import { close, closeSync } from 'node:fs';
import { keepOnExec } from '../kernel/exec.ts';
import { closeOnExec, MAX_FDS, PASSING, sendMessage } from '../kernel/fds.ts';
import { keepText, textIn } from '../kernel/memory.ts';

/** How long to wait for an engine that has not received yet, or for memory of the kernel, milliseconds. */
const PAUSE = 2;

export class Kept {
  readonly #fds = new Map<string, number>();
  /** What is to be closed, one after the other: a client can keep its pipe locked, and who closes that waits for it. */
  readonly #closing: number[] = [];

  keep(key: string, fd: number): void {
    this.drop(key);
    this.#fds.set(key, fd);
  }

  drop(key: string): void {
    const fd = this.#fds.get(key);
    if (fd === undefined) return;
    this.#fds.delete(key);
    if (this.#closing.push(fd) === 1) this.#close(fd);
  }

  /** A descriptor by which `takeOver` finds everything, and `more`. */
  list(more: object): number {
    return keepText('stint-keeper', JSON.stringify({ ...more, kept: [...this.#fds] }));
  }

  get fds(): number[] {
    return [...this.#fds.values()];
  }

  get(key: string): number | undefined {
    return this.#fds.get(key);
  }

  /** Leaves everything, and `more`, to the program that this process is about to become: the descriptor that it finds it by. */
  leave(more: object): number {
    const fd = this.list(more);
    // What waits to be closed stays open: else that would have to be waited for now.
    for (const one of [...this.#fds.values(), ...this.#closing.slice(1), fd]) keepOnExec(one);
    return fd;
  }

  /** Takes over what `list` has listed; `handed`: which descriptors those are now. @throws Error when it is something else */
  takeOver<T>(fd: number, handed?: ReadonlyMap<number, number>): T {
    const text = textIn(fd);
    closeSync(fd);
    const { kept, ...more } = JSON.parse(text) as { kept: [string, number][] };
    const lost = handed === undefined ? 0 : kept.filter(([, old]) => !handed.has(old)).length;
    if (lost > 0) throw new Error(`${lost} of ${kept.length} descriptors are missing`);
    for (const [key, old] of kept) {
      const one = handed?.get(old) ?? old;
      closeOnExec(one);
      this.#fds.set(key, one);
    }
    return more as T;
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

  /** In another thread, and never in more than one. */
  #close(fd: number): void {
    close(fd, () => {
      this.#closing.shift();
      const next = this.#closing[0];
      if (next !== undefined) this.#close(next);
    });
  }
}

async function sendWhole(socket: number, message: string, fds: readonly number[]): Promise<void> {
  while (PASSING.has(-sendMessage(socket, message, fds))) await new Promise((resolve) => setTimeout(resolve, PAUSE));
}
