// The journal: what the engine that comes after us has to know. Facts are lines in a file, counters are words in shared memory; both
// are files without a name that somebody else holds open too, like the descriptors that cannot be had again.
//
// A journal is written anew by each engine, while it takes over what the one before it has left, and counts from `commit` on: whoever
// dies before that has changed nothing.
import { closeSync, readSync, writeSync } from 'node:fs';
import { openReadEnd, pathOf } from '../../kernel/fifo.ts';
import { bytesInPipe } from '../../kernel/fionread.ts';
import { mapMemory, openMemory } from '../../kernel/memory.ts';
import { TOUCH, type Touch } from '../../nodes/node.ts';
import type { Ends } from '../../nodes/pipe.ts';
import { Counters } from './counters.ts';
import { countersOf, encodeFact, encodeHead } from './facts.ts';
import { COUNTERS_SIZE, layOut } from './layout.ts';
import { type Past, readAll, readPast } from './past.ts';
import { type PlainAccount, plainKey, readPlain } from './plain.ts';
import type { Store } from './store.ts';

/** The facts are written anew when they are longer than this, bytes, and mostly out of date. */
const LONG = 1 << 16;

/** Keys of descriptors that are ours. */
const OURS = /^(facts$|answered$|(counters|tray|root|pipe|lease|process|newcomer|plain|with|hung):)/;

/** Under this and its node id something is kept for a pipe at which an engine hung; nobody knows when that can be touched again. */
export const HUNG = 'hung:';

/** Under this, requests that were answered while an engine hung, and that it has not done anything for. */
export const ANSWERED = 'answered';

interface Line {
  at: number;
  length: number;
}

export class Journal {
  readonly counters: Counters;
  readonly #store: Store;
  /** What was kept before us and that nobody has claimed yet. */
  readonly #kept: Map<string, number>;
  readonly #countersFd: number;
  readonly #countersKey: string;
  readonly #trayKey: string;
  /** Where the line lies that counts, by key. */
  readonly #lines = new Map<string, Line>();
  #fd: number;
  #length = 0;
  /** Bytes of the lines that count. */
  #live = 0;
  #committed = false;

  /** What the engine before us has left; undefined: nothing. */
  readonly past: Past | undefined;
  /** What a plain pool has counted since. */
  readonly plain: readonly PlainAccount[];
  /** Slots that lie in its tray; undefined: it hung, and that may be locked, too. */
  readonly trayBefore: number | undefined;
  /** Node ids of pipes at which engines before us hung. */
  readonly hung: ReadonlySet<number>;

  /** `kept`: what was kept before us. @throws Error when there is a journal that cannot be understood */
  constructor(store: Store, kept: ReadonlyMap<string, number>) {
    this.#store = store;
    this.#kept = new Map([...kept].filter(([key]) => OURS.test(key)));
    this.past = this.#kept.has('facts') ? readPast(this.#kept) : undefined;
    const before = this.past === undefined ? 0 : Number(countersOf(this.past.facts).split(':')[1]);
    const plain = this.past && this.#kept.get(plainKey(this.past.facts));
    this.plain = plain === undefined ? [] : readPlain(plain);
    this.#countersKey = `counters:${before + 1}`;
    this.#trayKey = `tray:${before + 1}`;
    const tray = this.#kept.get(`tray:${before}`);
    const hung = [...this.#kept.keys()].filter((key) => key.startsWith(HUNG));
    this.hung = new Set(hung.map((key) => Number(key.slice(HUNG.length))));
    this.trayBefore = hung.length > 0 ? undefined : tray === undefined ? 0 : bytesInPipe(tray);
    this.#countersFd = openMemory('stint-counters', COUNTERS_SIZE);
    const words = new Int32Array(mapMemory(this.#countersFd, COUNTERS_SIZE));
    layOut(words);
    this.counters = new Counters(words);
    this.#fd = openMemory('stint-facts', 0);
    this.#append(encodeHead(this.#countersKey));
  }

  /** What was kept under `key` before us: the caller's from now on. */
  claim(key: string): number | undefined {
    const fd = this.#kept.get(key);
    this.#kept.delete(key);
    return fd;
  }

  /** Says that `key` is `value` from now on. To be called before anything depends on it. @throws Error ENOSPC, ENOMEM */
  put(key: string, value: unknown): void {
    const text = encodeFact(key, value);
    this.#forget(key);
    const line = this.#append(text);
    this.#lines.set(key, line);
    this.#live += line.length;
    this.#compact();
  }

  /** `key` is no more. */
  drop(key: string): void {
    if (!this.#forget(key)) return;
    this.#append(encodeFact(key, undefined));
    this.#compact();
  }

  /** Has a descriptor kept. To be called before the fact that depends on it. */
  keep(key: string, fd: number): void {
    this.#store.keep(key, fd);
  }

  /** It is not needed any more. To be called after the fact is dropped. */
  release(key: string): void {
    this.#store.drop(key);
  }

  /**
   * The same for a pipe. Not its read end: as long as anybody holds one, nobody can tell whether a client has the pipe open.
   */
  keepPipe(key: string, { writeEnd, returnEnd }: Pick<Ends, 'writeEnd' | 'returnEnd'>): void {
    this.keep(`${key}:write`, writeEnd);
    if (returnEnd !== -1) this.keep(`${key}:return`, returnEnd);
  }

  releasePipe(key: string, { returnEnd }: Pick<Ends, 'returnEnd'>): void {
    this.release(`${key}:write`);
    if (returnEnd !== -1) this.release(`${key}:return`);
  }

  /** The ends of a pipe that was kept; `owned`: with a read end. Undefined when it is lost. @throws Node's error: EMFILE … */
  claimPipe(key: string, owned: boolean): Ends | undefined {
    const [writeEnd, returnEnd = -1] = [this.claim(`${key}:write`), this.claim(`${key}:return`)];
    if (writeEnd === undefined) return undefined;
    return { readEnd: owned ? openReadEnd(pathOf(writeEnd)) : -1, writeEnd, returnEnd };
  }

  /** Requests that an engine which hung has left; each begins with its length. */
  answered(): Uint8Array[] {
    const fd = this.#kept.get(ANSWERED);
    const all = fd === undefined ? Buffer.alloc(0) : readAll(fd);
    const requests: Uint8Array[] = [];
    for (let at = 0; at < all.length; ) {
      const length = all.readUInt32LE(at);
      requests.push(all.subarray(at, at + length));
      at += length;
    }
    return requests;
  }

  /** A pipe that was kept stays so, and is not touched. */
  leavePipe(key: string): void {
    for (const end of ['write', 'return']) this.#kept.delete(`${key}:${end}`);
  }

  /**
   * From now on this journal counts, and what was kept for nobody is let go. `tray`: the pipe through which slots are moved, as the
   * counters say.
   */
  commit(tray: number, touch: Touch = TOUCH): void {
    this.#committed = true;
    this.#store.keep(this.#trayKey, tray);
    this.#store.keep(this.#countersKey, this.#countersFd);
    this.#store.keep('facts', this.#fd);
    closeSync(this.#countersFd); // it stays mapped
    for (const [key, fd] of this.#kept) {
      if (key !== 'facts' && key !== this.#countersKey && key !== this.#trayKey) this.#store.drop(key);
      const pipe = Number(/^pipe:(\d+):/.exec(key)?.[1] ?? 0);
      const locked = this.hung.has(pipe) || (this.hung.size > 0 && key.startsWith('tray:'));
      if (!locked) touch(pipe, () => closeSync(fd));
    }
    this.#kept.clear();
  }

  close(): void {
    closeSync(this.#fd);
  }

  #forget(key: string): boolean {
    const line = this.#lines.get(key);
    if (line === undefined) return false;
    this.#live -= line.length;
    return this.#lines.delete(key);
  }

  #append(text: string): Line {
    const bytes = Buffer.from(text);
    const line = { at: this.#length, length: bytes.length };
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#fd, bytes, done, bytes.length - done, line.at + done);
    this.#length += bytes.length;
    return line;
  }

  /** Writes what counts into a file of its own, as soon as that is a small part of the whole. */
  #compact(): void {
    if (this.#length < LONG + 4 * this.#live) return;
    const old = Buffer.alloc(this.#length);
    for (let at = 0; at < old.length; ) at += readSync(this.#fd, old, at, old.length - at, at);
    const before = this.#fd;
    this.#fd = openMemory('stint-facts', 0);
    this.#length = 0;
    this.#append(encodeHead(this.#countersKey));
    for (const [key, { at, length }] of this.#lines)
      this.#lines.set(key, this.#append(old.toString('utf8', at, at + length)));
    if (this.#committed) this.#store.keep('facts', this.#fd);
    closeSync(before);
  }
}
