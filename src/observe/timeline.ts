// What was booked for one build, in order, packed: when each slot was taken and given back, by whom, and after what wait. It has
// a bound; what comes after that is counted only.
import type { Booking } from './tape.ts';

// Not imported: that would load all of zlib's streams, too.
const { deflateSync, inflateSync } = process.getBuiltinModule('node:zlib');

/** Entries of one build. */
export const MAX_ENTRIES = 50_000;

/** Bytes of a packed entry: time and wait in tenths of a millisecond, the process, and the change. */
const ENTRY = 16;
/** Room that there is at first, bytes. */
const FEWEST = 16 * ENTRY;
/** Tenths of a millisecond in one. */
const TENTHS = 10;
const MOST = 2 ** 32 - 1;
/** Milliseconds after its beginning. */
const LATEST = MOST / TENTHS;

/** Slots that came into the hands of a process of the build, or left them. */
export interface Entry {
  /** Unix time, milliseconds. */
  time: number;
  /** The process; 0: not known. */
  pid: number;
  /** Slots more, or less. */
  change: number;
  /** Milliseconds that they were waited for. */
  waited: number;
}

export class Timeline {
  /** When it begins, Unix time in milliseconds. */
  readonly began: number;
  /** Entries that it lacks: there was no room for them, they came too late for it, or they may have been missed before. */
  missed = 0;
  #length = 0;
  #view = new DataView(new ArrayBuffer(FEWEST));

  constructor(began: number) {
    this.began = began;
  }

  get length(): number {
    return this.#length;
  }

  /** Notes a booking; what lies untaken is nobody's yet. False when there was no room for it, or it came later than can be noted: after five days. */
  add({ time, pid, held, waited }: Pick<Booking, 'time' | 'pid' | 'held' | 'waited'>): boolean {
    if (held === 0) return true;
    if (this.#length >= MAX_ENTRIES || time - this.began > LATEST) {
      this.missed++;
      return false;
    }
    const at = this.#length++ * ENTRY;
    if (at === this.#view.byteLength) this.#grow();
    this.#view.setUint32(at, tenths(time - this.began));
    this.#view.setUint32(at + 4, tenths(waited));
    this.#view.setUint32(at + 8, pid);
    this.#view.setInt32(at + 12, held);
    return true;
  }

  *entries(): IterableIterator<Entry> {
    for (let n = 0; n < this.#length; n++) {
      const at = n * ENTRY;
      yield {
        time: this.began + this.#view.getUint32(at) / TENTHS,
        waited: this.#view.getUint32(at + 4) / TENTHS,
        pid: this.#view.getUint32(at + 8),
        change: this.#view.getInt32(at + 12),
      };
    }
  }

  /** For `unpack`. */
  pack(): Uint8Array {
    const head = new DataView(new ArrayBuffer(12));
    head.setFloat64(0, this.began);
    head.setUint32(8, Math.min(this.missed, MOST));
    const entries = new Uint8Array(this.#view.buffer, 0, this.#length * ENTRY);
    return deflateSync(Buffer.concat([new Uint8Array(head.buffer), entries]));
  }

  /** @throws Error when it was not packed by `pack` */
  static unpack(packed: Uint8Array): Timeline {
    const bytes = inflateSync(packed, { maxOutputLength: 12 + MAX_ENTRIES * ENTRY });
    if (bytes.length < 12 || (bytes.length - 12) % ENTRY !== 0) throw new Error('not a timeline');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const timeline = new Timeline(view.getFloat64(0));
    timeline.missed = view.getUint32(8);
    timeline.#length = (bytes.length - 12) / ENTRY;
    timeline.#view = new DataView(new Uint8Array(bytes.subarray(12)).buffer);
    return timeline;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(FEWEST, Math.min(2 * this.#view.byteLength, MAX_ENTRIES * ENTRY)));
    larger.set(new Uint8Array(this.#view.buffer));
    this.#view = new DataView(larger.buffer);
  }
}

const tenths = (ms: number): number => Math.max(0, Math.min(Math.round(ms * TENTHS), MOST));
