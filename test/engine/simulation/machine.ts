// The kernel of a simulated machine, as far as the engine needs one: descriptors, FIFOs, epoll, inotify, pidfds, eventfds and a
// FUSE device, all in memory, with a clock that moves only when everybody waits. The modules in kernel/ stand in for those of
// src/kernel and bring each call here. Before a call does anything whoever else runs on the machine may act, and where somebody sees
// what it did, also after that: see `others`.
import os from 'node:os';
import { FILE, HEAD, RECORD, WAIT_WORDS } from '../../../src/engine/journal/layout.ts';
import { Device } from './device.ts';
import { Fifo, type FifoEnd } from './fifo.ts';
import { Watcher } from './watcher.ts';

const { EAGAIN, EPIPE, EBADF } = os.constants.errno;

/** A process that can end. */
export interface Mortal {
  ended: boolean;
}

interface Interest {
  events: number;
  /** Something happened there since it was last told: what EPOLLET asks for. */
  stirred: boolean;
}

export type Open =
  | { kind: 'fifo'; end: FifoEnd }
  | { kind: 'event'; count: number }
  | { kind: 'pid'; process: Mortal }
  | { kind: 'inotify'; watcher: Watcher }
  | { kind: 'epoll'; interest: Map<number, Interest> }
  | { kind: 'device'; waits: boolean }
  | MemoryFile;

/** A file without a name: bytes that were written to it; or words that are mapped now, or were when the engine died, in pieces. */
export interface MemoryFile {
  kind: 'memory';
  bytes: Buffer;
  words: Int32Array | undefined;
  left: readonly { at: number; words: Int32Array }[];
}

/** Whoever else runs on the machine. */
export interface Others {
  /** The engine makes a system call. */
  act(): void;
  /** The engine waits: somebody does something, or time passes, but not beyond `until`. */
  idle(until: number): void;
}

const EPOLLIN = 1;
const EPOLLET = 0x8000_0000;
/** What a system call takes, milliseconds. */
const CALL = 0.001;
/** Calls of the engine in which nothing else happens, before it is said to run in circles. */
const CIRCLES = 20_000;

/** What every system call of an engine that was killed comes to. */
class Killed extends Error {}

export class Machine {
  /** Milliseconds. */
  now = 1000;
  /** The engine process was killed: it makes no system call any more. */
  dead = false;
  /** Descriptors that outlive the engine process, by their keys. */
  readonly kept = new Map<string, Open>();
  others: Others = { act: () => {}, idle: () => {} };
  readonly device: Device;
  /** By path, and by node id of the FUSE mount. */
  readonly fifos = new Map<string | number, Fifo>();
  readonly processes = new Map<number, Mortal>();
  readonly #open = new Map<number, Open>();
  #calls = 0;
  /** Events that an inotify keeps before it loses some. */
  readonly #events: number;

  constructor({ events }: { events: number }) {
    this.#events = events;
    this.device = new Device();
  }

  /** Descriptors that are open. */
  get descriptors(): number {
    return this.#open.size;
  }

  // What outlives the engine process.

  /** The store of the keeper. */
  keep(key: string, fd: number): void {
    this.#call();
    const file = this.#of(fd);
    this.#letGo(key);
    this.kept.set(key, shared(file));
  }

  unkeep(key: string): void {
    this.#call();
    this.#letGo(key);
  }

  /** What the next engine process finds. */
  hand(): Map<string, number> {
    return new Map([...this.kept].map(([key, file]) => [key, this.open(shared(file))]));
  }

  /** The engine process ends: its descriptors are closed, and what it had mapped stays as it is now. */
  end(): void {
    for (const file of [...this.#open.values(), ...this.kept.values()]) if (file.kind === 'memory') freeze(file);
    for (const fd of [...this.#open.keys()]) this.drop(fd);
    this.device.orphan(process.pid);
    this.dead = false;
    this.moved();
  }

  #letGo(key: string): void {
    const file = this.kept.get(key);
    if (file?.kind === 'fifo') file.end.close();
    this.kept.delete(key);
  }

  /** Something happened that the engine has not done itself. */
  moved(): void {
    this.#calls = 0;
  }

  open(file: Open): number {
    if (this.dead) throw new Killed();
    let fd = 10;
    while (this.#open.has(fd)) fd++;
    this.#open.set(fd, file);
    return fd;
  }

  close(fd: number): void {
    this.#call();
    this.drop(fd);
  }

  /** The same, for others than the engine. */
  drop(fd: number): void {
    const file = this.#of(fd);
    this.#open.delete(fd);
    for (const other of this.#open.values()) if (other.kind === 'epoll') other.interest.delete(fd);
    if (file.kind === 'fifo') file.end.close();
    if (file.kind === 'inotify') file.watcher.close();
  }

  // FIFOs.

  fifo(name: string | number): Fifo {
    const fifo = this.fifos.get(name) ?? new Fifo();
    this.fifos.set(name, fifo);
    return fifo;
  }

  /** The FIFO that a path names, also one of /proc/self/fd. */
  at(path: string): Fifo {
    this.#call();
    const [, fd] = /^\/proc\/self\/fd\/(\d+)$/.exec(path) ?? [];
    if (fd !== undefined) return this.#fifoOf(Number(fd)).fifo;
    const fifo = this.fifos.get(path);
    if (fifo === undefined) throw new Error(`ENOENT: ${path}`);
    return fifo;
  }

  openEnd(fifo: Fifo, ways: { reads: boolean; writes: boolean }): number {
    this.#call();
    return this.open({ kind: 'fifo', end: fifo.open(ways) });
  }

  hasReader(fd: number): boolean {
    this.#call();
    return this.#fifoOf(fd).fifo.readers > 0;
  }

  lying(fd: number): number {
    this.#call();
    return this.#fifoOf(fd).fifo.bytes;
  }

  /** splice(2) from one FIFO to another. */
  move(from: number, to: number, count: number): number {
    this.#call();
    const [source, target] = [this.#fifoOf(from).fifo, this.#fifoOf(to).fifo];
    if (target.readers === 0) return -EPIPE;
    const moved = target.put(Math.min(count, source.bytes));
    source.take(moved);
    this.#done();
    return moved > 0 ? moved : -EAGAIN;
  }

  /** A file without a name, in memory. */
  memory(fd: number): MemoryFile {
    this.#call();
    const file = this.#of(fd);
    if (file.kind !== 'memory') throw new Error(`EBADF: ${fd}`);
    return file;
  }

  read(fd: number, count: number): number {
    this.#call();
    const file = this.#of(fd);
    if (file.kind === 'event') {
      const got = file.count;
      file.count = 0;
      return got > 0 ? 8 : -EAGAIN;
    }
    if (file.kind !== 'fifo' || !file.end.reads) return -EBADF;
    const { fifo } = file.end;
    const got = fifo.take(count);
    return got > 0 || fifo.writers === 0 ? got : -EAGAIN;
  }

  write(fd: number, count: number): number {
    this.#call();
    const file = this.#of(fd);
    if (file.kind !== 'fifo' || !file.end.writes) return -EBADF;
    return file.end.fifo.readers === 0 ? -EPIPE : file.end.fifo.put(count);
  }

  // inotify.

  openWatcher(): number {
    return this.open({ kind: 'inotify', watcher: new Watcher(this.#events) });
  }

  watcher(fd: number): Watcher {
    this.#call();
    const file = this.#of(fd);
    if (file.kind !== 'inotify') throw new Error(`EINVAL: ${fd} is no inotify`);
    return file.watcher;
  }

  // epoll, and what becomes ready.

  addInterest(epoll: number, fd: number, events: number): void {
    const interest = this.#interestOf(epoll);
    if (interest.has(fd)) throw new Error(`EEXIST: ${fd} is watched already`);
    this.#of(fd);
    interest.set(fd, { events, stirred: true });
    const file = this.#of(fd);
    if (file.kind === 'fifo') file.end.fifo.stirs.add(() => this.#stir(epoll, fd, file));
  }

  removeInterest(epoll: number, fd: number): void {
    if (!this.#interestOf(epoll).delete(fd)) throw new Error(`ENOENT: ${fd} is not watched`);
  }

  /** What is ready, at most `timeout` milliseconds later; for ever when that is -1. */
  wait(epoll: number, timeout: number): number[] {
    this.#call();
    const until = timeout < 0 ? Number.POSITIVE_INFINITY : this.now + timeout;
    for (;;) {
      const found = this.#readyIn(epoll);
      if (found.length > 0 || this.now >= until) return found;
      this.#idle(until);
    }
  }

  /** Whether an epoll has something to tell, without telling it. */
  rings(epoll: number): boolean {
    return [...this.#interestOf(epoll)].some(([fd, one]) => this.#isReady(fd, one));
  }

  signal(fd: number): void {
    const file = this.#of(fd);
    if (file.kind === 'event') file.count++;
  }

  openPid(pid: number): number {
    this.#call();
    const process = this.processes.get(pid);
    if (process === undefined || process.ended) throw new Error(`ESRCH: no process ${pid}`);
    return this.open({ kind: 'pid', process });
  }

  // The FUSE device.

  setWaiting(fd: number, waits: boolean): void {
    this.#call();
    const file = this.#of(fd);
    if (file.kind === 'device') file.waits = waits;
  }

  receive(fd: number, buffer: Uint8Array): number {
    this.#call();
    const file = this.#of(fd);
    if (file.kind !== 'device') return -EBADF;
    while (this.device.empty) {
      if (!file.waits) return -EAGAIN;
      this.#idle(Number.POSITIVE_INFINITY);
    }
    return this.device.receive(buffer);
  }

  reply(bytes: Buffer): number {
    this.#call();
    const result = this.device.reply(bytes);
    this.#done();
    return result;
  }

  #call(): void {
    if (this.dead) throw new Killed();
    this.now += CALL;
    this.#count();
    this.others.act();
    if (this.dead) throw new Killed();
  }

  /** A call has done what it does, and has not returned yet. */
  #done(): void {
    this.others.act();
    if (this.dead) throw new Killed();
  }

  #idle(until: number): void {
    this.#count();
    this.others.idle(until);
    if (this.dead) throw new Killed();
  }

  #count(): void {
    if (++this.#calls > CIRCLES) throw new Error('the engine runs in circles');
  }

  #readyIn(epoll: number): number[] {
    const found: number[] = [];
    for (const [fd, one] of this.#interestOf(epoll)) {
      if (!this.#isReady(fd, one)) continue;
      one.stirred = false;
      found.push(fd);
    }
    return found;
  }

  #isReady(fd: number, { events, stirred }: Interest): boolean {
    if ((events & EPOLLET) !== 0 && !stirred) return false;
    const file = this.#of(fd);
    switch (file.kind) {
      case 'event':
        return file.count > 0;
      case 'pid':
        return file.process.ended;
      case 'inotify':
        return file.watcher.events.length > 0;
      case 'epoll':
        return this.rings(fd);
      case 'device':
        return !this.device.empty;
      case 'memory':
        return true;
      case 'fifo': {
        const { end } = file;
        if (end.writes && !end.reads && end.fifo.readers === 0) return true; // EPOLLERR, asked for or not
        return (events & EPOLLIN) !== 0 && end.reads && end.fifo.bytes > 0;
      }
    }
  }

  #stir(epoll: number, fd: number, file: Open): void {
    const own = this.#open.get(epoll);
    const one = own?.kind === 'epoll' && this.#open.get(fd) === file ? own.interest.get(fd) : undefined;
    if (one !== undefined) one.stirred = true;
  }

  #interestOf(epoll: number): Map<number, Interest> {
    const file = this.#of(epoll);
    if (file.kind !== 'epoll') throw new Error(`EINVAL: ${epoll} is no epoll`);
    return file.interest;
  }

  #fifoOf(fd: number): FifoEnd {
    const file = this.#of(fd);
    if (file.kind !== 'fifo') throw new Error(`ENOTTY: ${fd} is no FIFO`);
    return file.end;
  }

  #of(fd: number): Open {
    const file = this.#open.get(fd);
    if (file === undefined) throw new Error(`EBADF: ${fd} is not open`);
    return file;
  }
}

/** Another descriptor of the same open file. */
function shared(file: Open): Open {
  if (file.kind === 'fifo') file.end.users++;
  return file.kind === 'fifo' ? { ...file } : file;
}

/** Keeps what is in use of the words that are mapped. */
function freeze(file: MemoryFile): void {
  if (file.words === undefined) return;
  file.left = inUse(file.words).map(([at, end]) => ({ at, words: (file.words as Int32Array).slice(at, end) }));
  file.words = undefined;
}

/** From where to where words of counters are in use. */
export function inUse(words: Int32Array): [at: number, end: number][] {
  const at = (head: number) => words[head] as number;
  return [
    [0, at(HEAD.recordsAt) + at(HEAD.recordsEnd) * RECORD.words],
    [at(HEAD.filesAt), at(HEAD.filesAt) + at(HEAD.filesEnd) * FILE.words],
    [at(HEAD.waitsAt), at(HEAD.waitsAt) + at(HEAD.waitsEnd) * WAIT_WORDS],
  ];
}

let current: Machine | undefined;

/** The machine that the modules in kernel/ are about. */
export function machine(): Machine {
  if (current === undefined) throw new Error('there is no simulated machine');
  return current;
}

export function setMachine(one: Machine | undefined): void {
  current = one;
}
