// The pipe node: a real FIFO for each build, or in system mode for each process, with an owner that keeps its slots in order.
//
// Truth is conservation of bytes: what a build holds = what was put in − what was taken out − what lies there (FIONREAD).
// Events of inotify only say where to look; losing one costs time, not a slot. A build that is alone on the pool is not
// watched at all, so that it runs at the speed of a plain FIFO.
//
// While the pipe's owner lives, both ends are held open, so no open of a client ever blocks. Once it is gone only a write
// end is kept: the kernel then reports an error on it exactly when nobody has the pipe open any more.
//
// A split pipe is two of them: the client takes from one and returns into the other, so that every return passes by here
// and nobody keeps a slot by taking at once what he has just returned.
import { closeSync, unlinkSync } from 'node:fs';
import type { Ledger } from '../core/ledger.ts';
import type { Offer, Offers } from '../core/offers.ts';
import { type Build, has, type Waiter } from '../core/types.ts';
import { hasReader, openFifo, openReadEnd, pathOf, removeFifo } from '../kernel/fifo.ts';
import { bytesInPipe } from '../kernel/fionread.ts';
import { IN_ACCESS, IN_CLOSE, IN_MODIFY, IN_OPEN, IN_Q_OVERFLOW, Inotify } from '../kernel/inotify.ts';
import { readBytes } from '../kernel/io.ts';
import { type Node, TOUCH, type Touch } from './node.ts';
import { Tray } from './tray.ts';

const WATCHED = IN_ACCESS | IN_MODIFY | IN_OPEN | IN_CLOSE;
/** A watch must ask for something: what the one pipe of an uncontended pool is asked for. */
const MUTED = IN_OPEN;
/**
 * What a build that is alone does with its slots is then only counted now and then, milliseconds: often while it takes and
 * returns, seldom while nothing moves.
 */
const COUNT_SOONEST = 10;
const COUNT_LATEST = 1000;
export const FIFO_MODE = 0o600;

/** Turns in which slots are moved before the engine looks at something else: whatever the offers say, it never stops answering. */
const MAX_TURNS = 1000;

/** The server's descriptors of a pipe. */
export interface Ends {
  readonly readEnd: number;
  readonly writeEnd: number;
  /** Both ends of the FIFO that tokens are returned into, not blocking; -1: they are returned into the same one. */
  readonly returnEnd: number;
}

export function closeEnds({ readEnd, writeEnd, returnEnd }: Ends): void {
  for (const end of [readEnd, writeEnd, returnEnd]) if (end !== -1) closeSync(end);
}

/** What is known of a pipe beside its descriptors. */
export interface PipeTraits {
  /** The name to remove when it is closed, if it is a name of ours. */
  path?: string;
  /** Its client looks for tokens now and then instead of waiting for one. */
  looks?: boolean | undefined;
  /** Nothing is laid into it before a client has opened it, and `opened` was told. */
  afterOpen?: boolean;
  /** Whose it is, a number of the caller's own; default: nobody's. */
  tag?: number;
  /** By what it is told that the pipe is touched; default: 0. */
  id?: number;
}

/** One FIFO, or two. */
export interface Pipe {
  readonly id: number;
  /** The name to remove when it is closed, if it is a name of ours. */
  readonly path: string | undefined;
  readonly offer: Offer;
  readonly watch: number;
  /** Kept while the pipe's owner lives, else -1. */
  readEnd: number;
  readonly writeEnd: number;
  readonly returnEnd: number;
  /** Whether anybody but the server has opened it yet. */
  opened: boolean;
  readonly afterOpen: boolean;
  /** Bytes that lay there after the last look or the server's own last put or take. */
  lying: number;
  /** Events that the server's own accesses have caused and that were not read yet. */
  own: number;
  /** Events read, not looked into yet. */
  events: number;
  /** Bytes found that were never laid there: returned by clients that had not taken them. */
  surplus: number;
}

interface PipeParts {
  opened?: (pipe: Pipe) => void;
  tray?: Tray;
  /** Is told of all that can wait for a client. */
  touch?: Touch;
}

export class PipeNode implements Node {
  readonly #ledger: Ledger;
  readonly #offers: Offers;
  readonly #inotify = new Inotify();
  readonly #byWatch = new Map<number, Pipe>();
  readonly #byOffer = new Map<Offer, Pipe>();
  readonly #byWaiter = new Map<Waiter, Pipe>();
  readonly #tray: Tray;
  readonly #taken = Buffer.alloc(4096);
  readonly #opened: (pipe: Pipe) => void;
  readonly #touch: Touch;
  #muted = true;
  /** When pipes that are not watched are counted next, and the pause before that. */
  #countAt = 0;
  #countPause = COUNT_SOONEST;
  #changed: Pipe[] = [];

  /** `opened` is called when a client has opened a pipe for the first time. */
  constructor(ledger: Ledger, offers: Offers, { opened = () => {}, tray = new Tray(), touch = TOUCH }: PipeParts = {}) {
    this.#touch = touch;
    this.#ledger = ledger;
    this.#offers = offers;
    this.#opened = opened;
    this.#tray = tray;
  }

  /** Pipes that exist. */
  get size(): number {
    return this.#byWatch.size;
  }

  get fd(): number {
    return this.#inotify.fd;
  }

  /** Makes the FIFO of a build. @throws SystemError or Node's error: ENOSPC, EMFILE, EACCES … */
  open(build: Build, path: string, now: number): Pipe {
    const { readEnd, writeEnd } = openFifo(path, FIFO_MODE);
    try {
      return this.adopt(build, { readEnd, writeEnd, returnEnd: -1 }, now, { path });
    } catch (error) {
      closeSync(readEnd);
      closeSync(writeEnd);
      unlinkSync(path);
      throw error;
    }
  }

  /** Takes over the open ends of a FIFO. @throws SystemError: no watch is left; the ends stay open */
  adopt(build: Build, ends: Ends, now: number, traits: PipeTraits): Pipe {
    const pipe = this.#enter(build, ends, now, traits);
    if (!pipe.afterOpen) this.#offers.ask(pipe.offer, now);
    return pipe;
  }

  /**
   * Takes over a pipe that another node had, without a read end when its owner is gone, of whose slots its client has `slots`, lying there or held. To be followed by
   * `resume`. @throws SystemError: no watch is left; the ends stay open
   */
  restore(build: Build, ends: Ends, slots: number, now: number, traits: PipeTraits): Pipe {
    const pipe = this.#enter(build, ends, now, traits);
    this.#ledger.restore(pipe.offer.client, slots, 0); // what of it lies there is counted by `resume`: that can wait for a lock
    this.#settleRecord(pipe);
    pipe.opened = slots > 0;
    return pipe;
  }

  /** Goes on with a restored pipe, after all that there was is restored. */
  resume(pipe: Pipe, now: number): void {
    const { client } = pipe.offer;
    pipe.lying = this.#lying(pipe);
    this.#ledger.count(client, Math.min(pipe.lying, has(client)));
    this.#drain(pipe, pipe.lying - client.offered);
    if (pipe.afterOpen && !pipe.opened) {
      if (!this.inUse(pipe)) return;
      pipe.opened = true; // while nobody watched
      this.#opened(pipe);
    }
    this.#offers.resume(pipe.offer, now);
  }

  #enter(
    build: Build,
    { readEnd, writeEnd, returnEnd }: Ends,
    now: number,
    { path, looks, afterOpen = false, tag, id = 0 }: PipeTraits,
  ): Pipe {
    const watch = this.#inotify.watch(pathOf(writeEnd), this.#muted ? MUTED : WATCHED);
    const offer = this.#offers.open(this.#ledger.openClient(build, 'offers', tag), now, looks);
    const pipe: Pipe = {
      id,
      path,
      offer,
      watch,
      readEnd,
      writeEnd,
      returnEnd,
      opened: false,
      afterOpen,
      lying: 0,
      own: 0,
      events: 0,
      surplus: 0,
    };
    this.#byWatch.set(watch, pipe);
    this.#byOffer.set(offer, pipe);
    this.#byWaiter.set(offer.waiter, pipe);
    return pipe;
  }

  /** The build's root is gone. Returns false when nobody has the pipe open; otherwise `pipe.writeEnd` tells the end by EPOLLERR. */
  abandon(pipe: Pipe): boolean {
    if (pipe.readEnd !== -1) this.#touch(pipe.id, () => closeSync(pipe.readEnd));
    pipe.readEnd = -1;
    return hasReader(pipe.writeEnd);
  }

  /** Whether a client has the pipe open now. */
  inUse(pipe: Pipe): boolean {
    if (pipe.readEnd === -1) return hasReader(pipe.writeEnd);
    return this.#touch(pipe.id, () => {
      closeSync(pipe.readEnd);
      const used = hasReader(pipe.writeEnd);
      pipe.readEnd = reopen(pipe);
      pipe.own |= pipe.readEnd === -1 ? IN_CLOSE : IN_CLOSE | IN_OPEN;
      return used;
    });
  }

  /**
   * Takes back what is held of a pipe that nobody has open; how many slots that was. Whoever still returns one later returns what
   * is not his: a surplus.
   */
  reclaim(pipe: Pipe, now: number): number {
    this.#look(pipe, 0, now);
    const { client } = pipe.offer;
    return this.inUse(pipe) ? 0 : this.#ledger.release(client, client.held);
  }

  /** Takes the FIFO away. Everything the build had of it comes back. */
  closePipe(pipe: Pipe): void {
    this.#byWatch.delete(pipe.watch);
    this.#byOffer.delete(pipe.offer);
    this.#byWaiter.delete(pipe.offer.waiter);
    this.#inotify.unwatch(pipe.watch);
    if (pipe.path !== undefined) removeFifo(pipe.path); // before the ends are closed: whoever finds the name finds a writer
    this.#touch(pipe.id, () => closeEnds(pipe));
    this.#offers.close(pipe.offer);
  }

  ready(now: number): boolean {
    let lost = false;
    let heard = false;
    this.#inotify.read((watch, mask) => {
      if (mask & IN_Q_OVERFLOW) lost = true;
      const pipe = this.#byWatch.get(watch);
      if (pipe === undefined) return;
      if (pipe.events === 0) this.#changed.push(pipe);
      pipe.events |= mask;
    });
    if (lost) this.#changed = [...this.#byWatch.values()];
    for (const pipe of this.#changed) {
      const foreign = lost ? WATCHED : pipe.events & ~pipe.own;
      pipe.events = 0;
      pipe.own = 0;
      if (foreign !== 0) heard = true;
      if (foreign & IN_OPEN && !pipe.opened) {
        pipe.opened = true;
        this.#opened(pipe);
        if (pipe.afterOpen) this.#offers.ask(pipe.offer, now);
      }
      if (this.#byWatch.has(pipe.watch)) this.#look(pipe, foreign, now);
    }
    this.#changed.length = 0;
    return heard;
  }

  /** Something was returned into the second half of a split pipe. */
  returned(pipe: Pipe, now: number): void {
    const { record } = pipe.offer.client;
    const count = this.#touch(pipe.id, () => this.#tray.take(pipe.returnEnd, record, this.#taken.length));
    if (count <= 0) return;
    this.#look(pipe, IN_ACCESS, now); // what it returns it has taken before
    pipe.surplus += count - this.#ledger.release(pipe.offer.client, count);
    this.#settleRecord(pipe);
  }

  /** Tries to make one slot free that lies unused in a pipe; false when there is none. */
  recall(now: number): boolean {
    for (const offer of this.#offers.spare(now)) {
      if (this.#withdraw(this.#byOffer.get(offer) as Pipe, 1, false, now)) return true;
    }
    return false;
  }

  grant(waiter: Waiter, now: number): void {
    const pipe = this.#byWaiter.get(waiter);
    if (pipe === undefined) return;
    this.#put(pipe, 1);
    this.#offers.laid(pipe.offer, now);
  }

  settle(now: number): void {
    this.#setMuted(!this.#offers.contended, now);
    if (this.#muted && now >= this.#countAt) this.#countUnwatched(now);
    let moved = true;
    for (let turns = MAX_TURNS; moved && turns > 0; turns--) {
      for (const { offer, count } of this.#offers.settle(now)) this.#put(this.#byOffer.get(offer) as Pipe, count);
      moved = false;
      for (const { offer, count } of this.#offers.recalls(now)) {
        if (this.#withdraw(this.#byOffer.get(offer) as Pipe, count, false, now)) moved = true;
      }
    }
  }

  nextLook(now: number): number {
    return this.#muted ? this.#countAt : this.#offers.nextLook(now);
  }

  recount(now: number): void {
    for (const pipe of this.#byWatch.values()) this.#look(pipe, 0, now);
  }

  /** Leaves the FIFOs that are in use where they are: their builds go on with the slots that are in them. */
  close(): void {
    for (const pipe of this.#byWatch.values()) if (!this.inUse(pipe)) this.closePipe(pipe);
    this.#inotify.close();
    this.#tray.close();
  }

  #countUnwatched(now: number): void {
    let moved = false;
    for (const pipe of this.#byWatch.values()) {
      const before = pipe.lying;
      this.#look(pipe, 0, now);
      if (pipe.lying !== before) moved = true;
    }
    this.#countPause = moved ? COUNT_SOONEST : Math.min(2 * this.#countPause, COUNT_LATEST);
    this.#countAt = now + this.#countPause;
  }

  #setMuted(muted: boolean, now: number): void {
    if (muted === this.#muted) return;
    this.#muted = muted;
    for (const pipe of this.#byWatch.values()) {
      this.#inotify.watch(pathOf(pipe.writeEnd), muted ? MUTED : WATCHED);
      if (!muted) this.#look(pipe, 0, now);
    }
  }

  /** Tells the ledger what `foreign` events stand for; takes what others have a better right to before it is taken again. */
  #look(pipe: Pipe, foreign: number, now: number): void {
    if (foreign & IN_MODIFY) {
      const claim = this.#offers.claim(pipe.offer, now);
      if (claim > 0 && this.#withdraw(pipe, claim, true, now)) return;
    }
    const lying = this.#lying(pipe);
    const touched = lying !== pipe.lying || (foreign & (IN_ACCESS | IN_MODIFY | IN_OPEN)) !== 0;
    pipe.lying = lying;
    this.#drain(pipe, this.#offers.counted(pipe.offer, lying, touched, now));
  }

  /** Takes up to `count` slots out of a pipe and tells the ledger; false when none lay there. */
  #withdraw(pipe: Pipe, count: number, claimed: boolean, now: number): boolean {
    const got = this.#take(pipe, (readEnd) => this.#tray.take(readEnd, pipe.offer.client.record, count));
    const lying = this.#lying(pipe);
    pipe.lying = lying;
    const surplus = this.#offers.withdrew(pipe.offer, got, lying, claimed, now);
    this.#settleRecord(pipe);
    this.#drain(pipe, Math.min(surplus, lying));
    return got > 0;
  }

  #put(pipe: Pipe, count: number): void {
    const put = this.#touch(pipe.id, () => this.#tray.put(pipe.writeEnd, pipe.offer.client.record, count));
    // EPIPE: nobody has the pipe open any more, and EPOLLERR is about to say so; all of it comes back then.
    if (put <= 0) return;
    pipe.lying += put;
    pipe.own |= IN_MODIFY;
  }

  #lying(pipe: Pipe): number {
    return this.#touch(pipe.id, () => bytesInPipe(pipe.writeEnd));
  }

  #settleRecord({ offer: { client } }: Pipe): void {
    this.#tray.moves.settle(client.record, has(client));
  }

  #take(pipe: Pipe, take: (readEnd: number) => number): number {
    return this.#touch(pipe.id, () => this.#takeNow(pipe, take));
  }

  #takeNow(pipe: Pipe, take: (readEnd: number) => number): number {
    const readEnd = pipe.readEnd === -1 ? reopen(pipe) : pipe.readEnd;
    if (readEnd === -1) return 0;
    const got = Math.max(0, take(readEnd));
    pipe.own |= IN_ACCESS;
    if (readEnd !== pipe.readEnd) {
      closeSync(readEnd);
      pipe.own |= IN_OPEN | IN_CLOSE;
    }
    return got;
  }

  /** Takes out bytes that were never slots. */
  #drain(pipe: Pipe, surplus: number): void {
    if (surplus <= 0) return;
    pipe.surplus += surplus;
    for (let left = surplus; left > 0; ) {
      const got = this.#take(pipe, (readEnd) => readBytes(readEnd, this.#taken, left));
      if (got === 0) break;
      pipe.lying -= got;
      left -= got;
    }
  }
}

/** A read end of a pipe whose write end we have, whatever became of its name; -1 when there is no descriptor left for it. */
function reopen(pipe: Pipe): number {
  try {
    return openReadEnd(pathOf(pipe.writeEnd));
  } catch {
    return -1;
  }
}
