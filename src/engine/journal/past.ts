// What a journal says after the engine that wrote it has died. It changes nothing: if we die over it too, the next one finds the same.
import { readSync } from 'node:fs';
import type { Mark } from './counters.ts';
import { countersOf, decodeFacts, type Facts, FORMAT } from './facts.ts';
import {
  COUNTERS_SIZE,
  DOUBT,
  DOUBTS,
  FILE,
  HEAD,
  isSound,
  MAGIC,
  MAX_NOTES,
  NOTE_WORDS,
  RECORD,
  unpacked,
  VERSION,
  WAIT_WORDS,
} from './layout.ts';

/** An open file of the file node. */
export interface PastFile {
  fh: number;
  /** By what the kernel knows who polls it; 0: nobody has. */
  khLow: number;
  khHigh: number;
}

export interface Past {
  facts: Facts;
  counters: PastCounters;
  /** Lines of the facts that could not be read. */
  damaged: number;
}

/**
 * Reads the journal that is kept under `facts` and the key that it names.
 * @throws Error when it cannot be understood at all
 */
export function readPast(kept: ReadonlyMap<string, number>): Past {
  const { facts, format, damaged } = decodeFacts(readAll(kept.get('facts') as number));
  if (format === 0) throw new Error('the journal has no head');
  if (format > FORMAT)
    throw new Error(`the journal has format ${format}, and ${FORMAT} is the newest that is known here`);
  const counters = kept.get(countersOf(facts));
  if (counters === undefined) throw new Error('the counters of the journal are lost');
  return { facts, counters: new PastCounters(...wordsOf(counters)), damaged };
}

/** Words from `from` on. */
interface Piece {
  from: number;
  words: Int32Array;
}

export class PastCounters {
  /** As they were in version 1: values without checksums. */
  readonly #pieces: readonly Piece[];
  /** Records that could not be read: they are taken for 0. */
  damaged = 0;

  /**
   * @param words a copy of those in use from the first on; `more`: of others. @throws Error when these are no counters that are known
   * here
   */
  constructor(words: Int32Array, more: readonly Piece[] = []) {
    if (words[HEAD.magic] !== MAGIC) throw new Error('the counters of the journal have no head');
    const version = words[HEAD.version] as number;
    if (version < 1 || version > VERSION) throw new Error(`the counters of the journal have version ${version}`);
    checkHead(words);
    this.#pieces = [{ from: 0, words }, ...more];
    if (version > 1) this.#unpack();
  }

  /**
   * Settles what was under way. What belongs to answers that never arrived is undone: `again` tells whether the kernel has asked that
   * again. `tray`: slots that were found in it; undefined: nobody can tell, and what was put counts as put.
   */
  settle(again: (unique: number) => boolean, tray: number | undefined): void {
    this.#settleMove(tray);
    this.#settleReturn(again);
    for (const doubt of DOUBTS.toReversed()) {
      const notes = this.#notes(doubt);
      if (!again(uniqueOf(this.#at(doubt + DOUBT.uniqueLow), this.#at(doubt + DOUBT.uniqueHigh)))) continue;
      // By difference: what another answer has changed since then stays.
      for (const { at, before, value } of notes.toReversed()) this.#put(at, this.#at(at) + before - value);
    }
  }

  #unpack(): void {
    for (let record = 0; record < this.#at(HEAD.recordsEnd); record++) {
      const at = this.#at(HEAD.recordsAt) + record * RECORD.words + RECORD.value;
      const sound = isSound(this.#at(at), at, this.#at(at - 1));
      this.#put(at, sound ? unpacked(this.#at(at)) : 0);
      if (!sound) this.damaged++;
    }
  }

  /** A return that was answered, and of which nothing was booked yet. */
  #settleReturn(again: (unique: number) => boolean): void {
    const record = this.#at(HEAD.returning) - 1;
    if (record < 0 || again(uniqueOf(this.#at(HEAD.returningLow), this.#at(HEAD.returningHigh)))) return;
    const at = this.#at(HEAD.recordsAt) + record * RECORD.words + RECORD.value;
    const from = this.#at(HEAD.returningFrom);
    if (this.#at(at) !== from) return;
    if (from > 0) this.#put(at, Math.max(0, from - this.#at(HEAD.returningCount)));
    else if (from === 0 && this.#at(HEAD.returningLends) === 1) this.#put(at, -1);
  }

  #settleMove(tray: number | undefined): void {
    const record = this.#at(HEAD.moving) - 1;
    if (record < 0) return;
    const count = this.#at(HEAD.movingCount);
    const moved = tray === undefined ? Math.max(0, count) : count > 0 ? count - tray : -tray;
    const at = this.#at(HEAD.recordsAt) + record * RECORD.words + RECORD.value;
    this.#put(at, Math.max(0, this.#at(HEAD.movingFrom) + moved));
  }

  /** What a record holds; undefined when it was never that one's, or is no more. */
  value([record, generation]: Mark): number | undefined {
    const at = this.#at(HEAD.recordsAt) + record * RECORD.words;
    return record >= 0 && record < this.#at(HEAD.recordsEnd) && this.#at(at + RECORD.generation) === generation
      ? this.#at(at + RECORD.value)
      : undefined;
  }

  *files(): Generator<PastFile> {
    const from = this.#at(HEAD.filesAt);
    for (let fh = 0; fh < this.#at(HEAD.filesEnd); fh++) {
      const at = from + fh * FILE.words;
      if (this.#at(at + FILE.open) !== 1) continue;
      yield { fh, khLow: this.#at(at + FILE.khLow) >>> 0, khHigh: this.#at(at + FILE.khHigh) >>> 0 };
    }
  }

  /** The requests of which it is not known that they were answered, as halves of their numbers; some were. */
  *unanswered(): Generator<readonly [low: number, high: number]> {
    const waits = Array.from({ length: this.#at(HEAD.waitsEnd) }, (_, i) => this.#at(HEAD.waitsAt) + i * WAIT_WORDS);
    const under = DOUBTS.map((doubt) => doubt + DOUBT.uniqueLow);
    for (const at of [...waits, ...LAST_READ, HEAD.againLow, ...under, HEAD.returningLow])
      if (this.#at(at) !== 0) yield [this.#at(at), this.#at(at + 1)];
    // The kernel counts up by two, and hands out in that order: one can have been read that nobody had noted yet.
    for (const at of LAST_READ) {
      const last = uniqueOf(this.#at(at), this.#at(at + 1));
      for (let i = 1; last > 0 && i <= AHEAD; i++) {
        const unique = last + 2 * i;
        yield [unique >>> 0, Math.floor(unique / 2 ** 32)];
      }
    }
  }

  /** How far numbers of a kind (MARK) were given. */
  mark(kind: number): number {
    return this.#at(HEAD.marks + kind);
  }

  /** The stores of a doubt that were done. Of all announced ones only the very last may not have been. */
  #notes(doubt: number): { at: number; before: number; value: number }[] {
    const announced = Math.min(this.#at(doubt + DOUBT.announced), MAX_NOTES);
    const found: { at: number; before: number; value: number }[] = [];
    for (let i = 0; i < announced; i++) {
      const note = doubt + DOUBT.notes + i * NOTE_WORDS;
      const [at, before, value] = [this.#at(note), this.#at(note + 1), this.#at(note + 2)];
      const pending = i >= this.#at(doubt + DOUBT.done) && this.#at(at) === before;
      if (!pending) found.push({ at, before, value });
    }
    return found;
  }

  #at(at: number): number {
    for (const { from, words } of this.#pieces)
      if (at >= from && at < from + words.length) return words[at - from] ?? 0;
    return 0;
  }

  #put(at: number, value: number): void {
    for (const { from, words } of this.#pieces) if (at >= from && at < from + words.length) words[at - from] = value;
  }
}

/** So many requests after the last that was noted can have been taken out of their row: interrupts and forgets come between. */
const AHEAD = 512;

/** Where the number of the last request stands that was read, of each connection. */
const LAST_READ = [HEAD.lookingLow, HEAD.deviceLow] as const;

/** `unique` as one number, without the bit by which the kernel marks what it asks again. */
export const uniqueOf = (low: number, high: number): number => (high & 0x7fff_ffff) * 2 ** 32 + (low >>> 0);

export function readAll(fd: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const part = Buffer.alloc(1 << 16);
    const length = readSync(fd, part, 0, part.length, at);
    if (length === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, length));
    at += length;
  }
}

/** A head says how much is read: what it says must be possible. @throws Error */
function checkHead(head: Int32Array): void {
  const [most, version] = [COUNTERS_SIZE / 4, head[HEAD.version] as number];
  const parts = [
    [head[HEAD.recordsAt], head[HEAD.recordsEnd], RECORD.words],
    [head[HEAD.filesAt], head[HEAD.filesEnd], FILE.words],
    ...(version > 1 ? [[head[HEAD.waitsAt], head[HEAD.waitsEnd], WAIT_WORDS]] : []),
  ] as [number, number, number][];
  for (const [at, count, words] of parts) {
    if (at < 0 || count < 0 || at + count * words > most)
      throw new Error('the counters of the journal have a damaged head');
  }
}

/** The words of counters, as far as they are in use: a copy. Most of the file is empty, and zeros would take time to write. */
function wordsOf(fd: number): [words: Int32Array, more: Piece[]] {
  const head = readWords(fd, 0, DOUBTS[1]);
  checkHead(head);
  const at = (word: number) => head[word] as number;
  const piece = (from: number, count: number): Piece => ({ from, words: readWords(fd, from, count) });
  const files = piece(at(HEAD.filesAt), at(HEAD.filesEnd) * FILE.words);
  // In version 1 there were none.
  const waits = at(HEAD.version) > 1 ? [piece(at(HEAD.waitsAt), at(HEAD.waitsEnd) * WAIT_WORDS)] : [];
  return [readWords(fd, 0, at(HEAD.recordsAt) + at(HEAD.recordsEnd) * RECORD.words), [files, ...waits]];
}

function readWords(fd: number, from: number, count: number): Int32Array {
  const words = new Int32Array(count);
  const bytes = new Uint8Array(words.buffer);
  for (let at = 0; at < bytes.length; ) {
    const length = readSync(fd, bytes, at, bytes.length - at, 4 * from + at);
    if (length === 0) break;
    at += length;
  }
  return words;
}
