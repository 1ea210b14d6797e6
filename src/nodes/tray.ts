// The tray: a pipe of our own, through which slots pass into the pipes of clients and out of them. The kernel moves them in one step,
// so that whoever finds the tray after a crash can tell where they were. It is empty between two calls.
import { closeSync } from 'node:fs';
import { EAGAIN, readBytes, writeBytes } from '../kernel/io.ts';
import { moveBytes, openPipe, spliceIsHeard } from '../kernel/splice.ts';

/** What is put into a pipe for a slot: what GNU make writes. Clients give back this byte or another. */
export const TOKEN = '+';

/** Where it is written down how many slots lie in a pipe or were taken from it; each pipe has a number. */
export interface Moves {
  /** So many are about to be moved; below 0: out of the pipe. */
  moving(record: number, count: number): void;
  /** So many were. */
  moved(record: number, count: number): void;
  /** After all that was moved, this is what lies there or was taken. */
  settle(record: number, slots: number): void;
}

const NO_MOVES: Moves = { moving: () => {}, moved: () => {}, settle: () => {} };

export class Tray {
  readonly readEnd: number;
  readonly writeEnd: number;
  readonly moves: Moves;
  readonly #tokens = Buffer.alloc(4096, TOKEN);
  readonly #taken = Buffer.alloc(4096);

  /** @throws SystemError EMFILE, ENFILE */
  constructor(moves: Moves = NO_MOVES) {
    const { readEnd, writeEnd } = openPipe();
    this.readEnd = readEnd;
    this.writeEnd = writeEnd;
    this.moves = moves;
  }

  /** Puts `count` tokens into the pipe of the write end `to`; returns how many, or the negative errno. */
  put(to: number, record: number, count: number): number {
    const all = Math.min(count, this.#tokens.length);
    let put = 0;
    if (spliceIsHeard && writeBytes(this.writeEnd, this.#tokens, all) === all) {
      this.moves.moving(record, all);
      put = moveBytes(this.readEnd, to, all);
      this.moves.moved(record, Math.max(0, put));
      if (put !== all) this.#clear();
    }
    if (put >= all || (put < 0 && put !== -EAGAIN)) return put;
    // A pipe has room for few pieces, and more in each: only this joins what lies there already. Where it was broken off is not known.
    const left = all - Math.max(0, put);
    this.moves.moving(record, left);
    const written = writeBytes(to, this.#tokens, left);
    this.moves.moved(record, Math.max(0, written));
    return written < 0 ? Math.max(put, written) : Math.max(0, put) + written;
  }

  /** Takes up to `count` bytes out of the pipe of the read end `from`; returns how many, or the negative errno. */
  take(from: number, record: number, count: number): number {
    const most = Math.min(count, this.#taken.length);
    this.moves.moving(record, -most);
    const taken = spliceIsHeard ? moveBytes(from, this.writeEnd, most) : readBytes(from, this.#taken, most);
    this.moves.moved(record, -Math.max(0, taken));
    if (taken > 0 && spliceIsHeard) this.#clear();
    return taken;
  }

  close(): void {
    closeSync(this.readEnd);
    closeSync(this.writeEnd);
  }

  #clear(): void {
    readBytes(this.readEnd, this.#taken, this.#taken.length);
  }
}
