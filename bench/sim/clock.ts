// Virtual time: things to be done, in the order in which they are due. Nothing here ever waits.
import { Heap, type Placed } from '../../src/core/heap.ts';

interface Event extends Placed {
  /** When it is due, in virtual ms. */
  due: number;
  /** Decides between events that are due at once. */
  order: number;
  run: () => void;
}

export class Clock {
  /** Virtual milliseconds since the start. */
  now = 0;
  #order = 0;
  readonly #events = new Heap<Event>((a, b) => (a.due === b.due ? a.order < b.order : a.due < b.due));

  /** Does `run` at the time `due`, or now when that is past. */
  at(due: number, run: () => void): void {
    this.#events.push({ at: -1, due: Math.max(due, this.now), order: this.#order++, run });
  }

  /** Does what is due next; false when nothing is left. */
  step(): boolean {
    const event = this.#events.peek();
    if (event === undefined) return false;
    this.#events.remove(event);
    this.now = event.due;
    event.run();
    return true;
  }
}
