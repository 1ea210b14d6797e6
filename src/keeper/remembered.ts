// What the main thread has to know again when another engine process goes on: a text in memory that the keeper holds, written whole
// or not at all. What is said of slots is not here but in the engine's journal.
import { closeSync } from 'node:fs';
import { keepText, textIn } from '../kernel/memory.ts';
import type { Store } from './store.ts';

/** The key under which it is kept. */
const KEY = 'main';

export class Remembered {
  readonly #store: Store | undefined;
  readonly #all: Record<string, unknown>;

  /** @param kept what was kept of the process before this one */
  constructor(store: Store | undefined, kept: ReadonlyMap<string, number>) {
    this.#store = store;
    const fd = kept.get(KEY);
    this.#all = fd === undefined ? {} : readAll(fd);
  }

  /** What `what` was when it was last written. The writer and the reader are of one version, or the reader is newer. */
  read<T>(what: string): T | undefined {
    return this.#all[what] as T | undefined;
  }

  /** From now on `what` is `value`: to be called before anybody is told. Without a keeper nothing is kept. */
  write(what: string, value: unknown): void {
    this.#all[what] = value;
    if (this.#store === undefined) return;
    const fd = keepText('stint-main', JSON.stringify(this.#all));
    this.#store.keep(KEY, fd);
    closeSync(fd);
  }
}

function readAll(fd: number): Record<string, unknown> {
  const text = textIn(fd);
  closeSync(fd);
  return JSON.parse(text) as Record<string, unknown>;
}
