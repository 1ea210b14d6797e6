// The counters of the journal: what each client has and which files are open, in memory that outlives the engine. A store costs no
// system call. It knows no meaning of what it holds; past.ts reads it after a crash.
//
// The engine can be killed between any two stores. Each store by itself leaves a state that is true, unless it belongs to the
// answer to a request: then it is true once the answer is written. So such stores are announced in the doubt of that request, to
// be undone should the kernel ask the same again. While one request is answered, others that waited can be granted, one after
// the other: they have a doubt of their own. V8 keeps the order of stores to one array, and the kernel keeps it for a killed process.
import { OF_DEVICE } from '../../nodes/fuse/wire.ts';
import { DOUBT, DOUBTS, FILE, HEAD, MAX_NOTES, NOTE_WORDS, packed, RECORD, unpacked, WAIT_WORDS } from './layout.ts';

/** What names a record, also after its number was given to somebody else. */
export type Mark = readonly [number: number, generation: number];

export class Counters {
  readonly #words: Int32Array;
  readonly #recordsAt: number;
  readonly #filesAt: number;
  readonly #waitsAt: number;
  readonly #free: number[] = [];
  /** Places of waits that are free. */
  readonly #places: number[] = [];
  #notesWaits = false;
  /** The doubt that stores are announced in; 0: none. */
  #doubt = 0;

  constructor(words: Int32Array) {
    this.#words = words;
    this.#recordsAt = words[HEAD.recordsAt] as number;
    this.#filesAt = words[HEAD.filesAt] as number;
    this.#waitsAt = words[HEAD.waitsAt] as number;
  }

  /** A new record, of 0; -1 when all are in use. */
  open(): number {
    const record = this.#free.pop() ?? this.#next();
    if (record === -1) return -1;
    const at = this.#valueAt(record);
    const generation = (this.#words[at - 1] as number) + 1;
    this.#words[at] = packed(0, at, generation);
    this.#words[at - 1] = generation;
    return record;
  }

  /** The record is not needed any more. */
  close(record: number): void {
    this.#free.push(record);
  }

  markOf(record: number): Mark {
    return [record, this.#words[this.#recordsAt + record * RECORD.words + RECORD.generation] as number];
  }

  set(record: number, value: number): void {
    const at = this.#valueAt(record);
    const before = this.#value(at);
    if (before !== value) this.#store(at, before, value);
    if (this.#words[HEAD.returning] === record + 1) this.#words[HEAD.returning] = 0; // that was it
  }

  /** The same for what happens at once, whether a request is being answered or not. */
  setNow(record: number, value: number): void {
    this.#put(this.#valueAt(record), value);
  }

  /** The same, where that is less than it was. */
  lower(record: number, value: number): void {
    const at = this.#valueAt(record);
    if (value < this.#value(at)) this.#put(at, value);
  }

  /** Slots are given back: the answer to that is written before it is booked. */
  returning(
    { uniqueLow, uniqueHigh, size }: { uniqueLow: number; uniqueHigh: number; size: number },
    record: number,
    lends: boolean,
  ): void {
    const words = this.#words;
    words[HEAD.returningFrom] = this.#value(this.#valueAt(record));
    words[HEAD.returningCount] = size;
    words[HEAD.returningLends] = lends ? 1 : 0;
    words[HEAD.returningLow] = uniqueLow;
    words[HEAD.returningHigh] = uniqueHigh;
    words[HEAD.returning] = record + 1;
  }

  returned(): void {
    this.#words[HEAD.returning] = 0;
  }

  // Moves of slots into pipes and out of them: the tray tells, after a crash, whether the one under way has happened.

  moving(record: number, count: number): void {
    const words = this.#words;
    words[HEAD.movingFrom] = this.#value(this.#valueAt(record));
    words[HEAD.movingCount] = count;
    words[HEAD.moving] = record + 1;
  }

  moved(record: number, count: number): void {
    this.setNow(record, Math.max(0, (this.#words[HEAD.movingFrom] as number) + count));
    this.#words[HEAD.moving] = 0;
  }

  settle(record: number, slots: number): void {
    this.setNow(record, slots);
  }

  /** Until `answered`, what is stored belongs to the answer to this request. */
  answering(uniqueLow: number, uniqueHigh: number): void {
    this.#begin(DOUBTS[0], uniqueLow, uniqueHigh);
  }

  answered(): void {
    this.#doubt = 0;
  }

  /** The same for one store, which belongs to the answer to another request. */
  setFor(uniqueLow: number, uniqueHigh: number, record: number, value: number): void {
    const outer = this.#doubt;
    this.#begin(DOUBTS[1], uniqueLow, uniqueHigh);
    this.set(record, value);
    this.#doubt = outer;
  }

  /** A file has been opened under a number that is free; false: there is no room for it. */
  openFile(fh: number): boolean {
    const at = this.#filesAt + fh * FILE.words;
    if (at >= this.#waitsAt) return false;
    if (fh >= (this.#words[HEAD.filesEnd] as number)) this.#words[HEAD.filesEnd] = fh + 1;
    this.#words[at + FILE.khLow] = 0;
    this.#words[at + FILE.khHigh] = 0;
    this.#store(at + FILE.open, 0, 1);
    return true;
  }

  pollFile(fh: number, khLow: number, khHigh: number): void {
    const at = this.#filesAt + fh * FILE.words;
    this.#words[at + FILE.khLow] = khLow;
    this.#words[at + FILE.khHigh] = khHigh;
  }

  closeFile(fh: number): void {
    this.#store(this.#filesAt + fh * FILE.words + FILE.open, 1, 0);
  }

  // Requests without an answer: only where the kernel cannot ask them again.

  noteWaits(): void {
    this.#notesWaits = true;
  }

  looking(uniqueLow: number, uniqueHigh: number): void {
    if (!this.#notesWaits) return;
    const at = (uniqueHigh & OF_DEVICE) === 0 ? HEAD.lookingLow : HEAD.deviceLow;
    this.#words[at] = uniqueLow;
    this.#words[at + 1] = uniqueHigh;
  }

  lookingAgain(uniqueLow: number, uniqueHigh: number): void {
    if (!this.#notesWaits) return;
    this.#words[HEAD.againLow] = uniqueLow;
    this.#words[HEAD.againHigh] = uniqueHigh;
  }

  /** -1: it is not noted; it will wait until it is interrupted. */
  waiting(uniqueLow: number, uniqueHigh: number): number {
    if (!this.#notesWaits) return -1;
    const words = this.#words;
    const place = this.#places.pop() ?? this.#waitsAt + (words[HEAD.waitsEnd] as number) * WAIT_WORDS;
    if (place >= words.length) return -1;
    words[place + 1] = uniqueHigh;
    words[place] = uniqueLow;
    words[HEAD.waitsEnd] = Math.max(words[HEAD.waitsEnd] as number, (place - this.#waitsAt) / WAIT_WORDS + 1);
    return place;
  }

  waited(place: number): void {
    if (place === -1) return;
    this.#words[place] = 0;
    this.#places.push(place);
  }

  /** Writes down how far numbers of a kind (MARK) are given. */
  setMark(kind: number, next: number): void {
    this.#words[HEAD.marks + kind] = next;
  }

  #next(): number {
    const next = this.#words[HEAD.recordsEnd] as number;
    if (this.#recordsAt + next * RECORD.words >= this.#filesAt) return -1;
    this.#words[HEAD.recordsEnd] = next + 1;
    return next;
  }

  #begin(doubt: number, uniqueLow: number, uniqueHigh: number): void {
    const words = this.#words;
    words[doubt + DOUBT.announced] = 0;
    words[doubt + DOUBT.done] = 0;
    words[doubt + DOUBT.uniqueLow] = uniqueLow;
    words[doubt + DOUBT.uniqueHigh] = uniqueHigh;
    this.#doubt = doubt;
  }

  /** Stores what is undone should a request come again. */
  #store(at: number, before: number, value: number): void {
    const words = this.#words;
    const doubt = this.#doubt;
    const count = doubt === 0 ? MAX_NOTES : (words[doubt + DOUBT.announced] as number);
    if (count >= MAX_NOTES) {
      this.#put(at, value); // beyond so many, what a request did is taken for done
      return;
    }
    const note = doubt + DOUBT.notes + count * NOTE_WORDS;
    words[note] = at;
    words[note + 1] = before;
    words[note + 2] = value;
    words[doubt + DOUBT.announced] = count + 1;
    this.#put(at, value);
    words[doubt + DOUBT.done] = count + 1;
  }

  #put(at: number, value: number): void {
    this.#words[at] = at < this.#filesAt ? packed(value, at, this.#words[at - 1] as number) : value;
  }

  #value(at: number): number {
    return unpacked(this.#words[at] as number);
  }

  #valueAt(record: number): number {
    return this.#recordsAt + record * RECORD.words + RECORD.value;
  }
}
