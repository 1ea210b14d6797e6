// The tape: every change of what a client has, as the ledger books it. The engine's thread writes it into memory that it shares
// with the main thread, which reads it now and then. A writer that is too far ahead overwrites what was not read; the reader
// is told how much it missed. It never waits, and nothing is ever written back to the ledger.

/** Records that it holds: what a file node books in some 100 ms when it is as busy as it can be. */
const RECORDS = 1 << 15;
const MASK = RECORDS - 1;
/** Numbers of a record, beside its time. */
const FIELDS = 5;

/** Words of the head. */
const WRITTEN = 0;
/** 1: the reader has been told that there is something to read, or reads. */
const TOLD = 1;
const HEAD_BYTES = 64;

/** A change. */
export interface Booking {
  /** Unix time, milliseconds. */
  time: number;
  /** Numbers of the build and of the process; 0: not known. */
  build: number;
  pid: number;
  /** Slots more in its hands, or less. */
  held: number;
  /** The same for slots that lie untaken. */
  offered: number;
  /** Milliseconds that it had waited, for a grant to whom waited. */
  waited: number;
}

export type TapeMemory = SharedArrayBuffer;

export const newTape = (): TapeMemory => new SharedArrayBuffer(HEAD_BYTES + RECORDS * (8 + 4 * FIELDS));

const viewsOf = (memory: TapeMemory) => ({
  head: new Int32Array(memory, 0, HEAD_BYTES >> 2),
  times: new Float64Array(memory, HEAD_BYTES, RECORDS),
  fields: new Int32Array(memory, HEAD_BYTES + 8 * RECORDS),
});

export class TapeWriter {
  readonly #head: Int32Array;
  readonly #times: Float64Array;
  readonly #fields: Int32Array;
  readonly #tell: () => void;
  /** Records written so far; as the head has it, it wraps. */
  #written = 0;

  /** @param tell called when the reader should read: not again before it has */
  constructor(memory: TapeMemory, tell: () => void) {
    ({ head: this.#head, times: this.#times, fields: this.#fields } = viewsOf(memory));
    this.#tell = tell;
  }

  booked(time: number, build: number, pid: number, held: number, offered: number): void {
    const at = this.#written & MASK;
    const field = at * FIELDS;
    const fields = this.#fields;
    this.#times[at] = time;
    fields[field] = build;
    fields[field + 1] = pid;
    fields[field + 2] = held;
    fields[field + 3] = offered;
    fields[field + 4] = 0;
    this.#written = (this.#written + 1) | 0;
    Atomics.store(this.#head, WRITTEN, this.#written);
    if (Atomics.load(this.#head, TOLD) === 0) {
      Atomics.store(this.#head, TOLD, 1);
      this.#tell();
    }
  }

  /** What was written last was granted to somebody who had waited so long, milliseconds. */
  waited(time: number): void {
    // Whole microseconds would be lost on those who wait for hours: milliseconds are enough.
    this.#fields[((this.#written - 1) & MASK) * FIELDS + 4] = Math.min(time, 2 ** 31 - 1);
  }
}

export class TapeReader {
  readonly #head: Int32Array;
  readonly #times: Float64Array;
  readonly #fields: Int32Array;
  #read = 0;

  constructor(memory: TapeMemory) {
    ({ head: this.#head, times: this.#times, fields: this.#fields } = viewsOf(memory));
  }

  /** Calls `each` with what was written since the last time, oldest first; it must not keep the record. Returns how many were missed. */
  read(each: (booking: Booking) => void): number {
    Atomics.store(this.#head, TOLD, 0); // what is written from here on tells again
    const until = Atomics.load(this.#head, WRITTEN);
    let missed = 0;
    const behind = (until - this.#read) | 0;
    if (behind > RECORDS) missed = this.#skip(behind - RECORDS);
    const one: Booking = { time: 0, build: 0, pid: 0, held: 0, offered: 0, waited: 0 };
    while (this.#read !== until) {
      const at = this.#read & MASK;
      const field = at * FIELDS;
      one.time = this.#times[at] as number;
      one.build = this.#fields[field] as number;
      one.pid = this.#fields[field + 1] as number;
      one.held = this.#fields[field + 2] as number;
      one.offered = this.#fields[field + 3] as number;
      one.waited = this.#fields[field + 4] as number;
      // Whether it was overwritten meanwhile, or is being.
      const ahead = (Atomics.load(this.#head, WRITTEN) - this.#read) | 0;
      if (ahead >= RECORDS) {
        missed += this.#skip(Math.min(ahead - RECORDS + 1, (until - this.#read) | 0));
        continue;
      }
      this.#read = (this.#read + 1) | 0;
      each(one);
    }
    return missed;
  }

  #skip(count: number): number {
    this.#read = (this.#read + count) | 0;
    return count;
  }
}
