// An inotify instance: events that merge when they are equal and follow each other, and that are lost when too many wait.
import type { Fifo } from './fifo.ts';

const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;

export interface Watch {
  tell(event: number): void;
}

class Watched implements Watch {
  readonly number: number;
  readonly #watcher: Watcher;
  mask: number;

  constructor(watcher: Watcher, number: number, mask: number) {
    this.#watcher = watcher;
    this.number = number;
    this.mask = mask;
  }

  tell(event: number): void {
    // A close is one of two bits; which one does not matter here.
    if ((event & this.mask) !== 0) this.#watcher.push(this.number, event & -event);
  }
}

export class Watcher {
  readonly events: { watch: number; mask: number }[] = [];
  /** How many it keeps; doubled whenever some were lost, for who loses events all the time learns nothing. */
  #most: number;
  readonly #byFifo = new Map<Fifo, Watched>();
  #next = 1;

  constructor(most: number) {
    this.#most = most;
  }

  watch(fifo: Fifo, mask: number): number {
    const watch = this.#byFifo.get(fifo) ?? new Watched(this, this.#next++, mask);
    watch.mask = mask;
    this.#byFifo.set(fifo, watch);
    fifo.watches.add(watch);
    return watch.number;
  }

  unwatch(number: number): void {
    for (const [fifo, watch] of this.#byFifo) {
      if (watch.number !== number) continue;
      fifo.watches.delete(watch);
      this.#byFifo.delete(fifo);
      this.push(number, IN_IGNORED);
    }
  }

  push(watch: number, mask: number): void {
    const last = this.events.at(-1);
    if (last?.watch === watch && last.mask === mask) return;
    if (this.events.length < this.#most) this.events.push({ watch, mask });
    else if (last?.mask !== IN_Q_OVERFLOW) {
      this.events.push({ watch: -1, mask: IN_Q_OVERFLOW });
      this.#most *= 2;
    }
  }

  close(): void {
    for (const [fifo, watch] of this.#byFifo) fifo.watches.delete(watch);
  }
}
