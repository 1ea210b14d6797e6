// Who reads the kernel's requests while the engine is held up. A client can keep a pipe of its own locked until a request of its own is
// answered; an engine that looks into that pipe waits for the lock, and would wait for ever, since nobody answers. So while there
// are pipes the main thread looks whether the engine moves. If it does not, the main thread reads instead: it answers at once what
// a client with a locked pipe may wait for, and leaves every request to the engine, which takes them up in their order.
//
// A pipe can be kept locked without our help, too: then no answer helps. If that takes long, somebody is told which pipe it is.
//
// It never decides anything about slots. Both sides have a few words of memory in common.
import { reader } from '../kernel/io.ts';
import { threadId, waitsUninterruptibly } from '../kernel/threads.ts';
import { deviceChannel } from '../nodes/fuse/channel.ts';
import { answerHolder } from '../nodes/fuse/holding.ts';
import { OP, Request } from '../nodes/fuse/wire.ts';

/**
 * How often the main thread looks whether the engine moves, while there are pipes, milliseconds; less often as long as the engine has
 * nothing to do.
 */
const LOOK = 10;
const LOOK_AT_REST = 250;
/**
 * Looks at which it hung at a pipe, less twice those at which it moved, before it is given up: 400 ms, or longer where it is
 * let go now and then.
 */
const LONG = 40;
/** Requests that are read in its place before it is looked at again. */
const MAX_LEFT = 256;

/** Whatever the engine does, this number changes. */
const BEAT = 0;
/** 1: the engine waits for anything to happen. */
const RESTS = 1;
/** Who may read requests: nobody does, the engine, or the main thread. */
const READER = 2;
const [NOBODY, ENGINE, MAIN] = [0, 1, 2];
/** Requests that were left to the engine and that it has not taken up. */
const LEFT = 3;
/** 1: there may be pipes. */
const PIPES = 4;
/** The node id of the pipe that the engine does something with that can wait for a client, or 0. */
const TOUCHED = 5;
/** The number of the engine's thread. */
const THREAD = 6;
/** Writes whose answer the engine has put off: of each its size, 0: this place is free, and the halves of its number. */
const OWED = 7;
const MAX_OWED = 1024;

/** The engine reads, until it says otherwise. */
export function newShift(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((OWED + 3 * MAX_OWED) * Int32Array.BYTES_PER_ELEMENT);
  new Int32Array(memory)[READER] = ENGINE;
  return memory;
}

/** The engine's side. */
export class Shift {
  readonly #words: Int32Array<SharedArrayBuffer>;
  #reading = true;
  readonly #free = Array.from({ length: MAX_OWED }, (_, i) => OWED + 3 * i);

  /** To be made by the engine's thread. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#words[THREAD] = threadId();
  }

  /** The engine is about to wait for anything to happen. */
  rest(pipes: boolean): void {
    this.yield();
    Atomics.store(this.#words, PIPES, pipes ? 1 : 0);
    Atomics.store(this.#words, RESTS, 1);
  }

  rise(): void {
    Atomics.add(this.#words, BEAT, 1);
    Atomics.store(this.#words, RESTS, 0);
  }

  /** Somebody else may read. */
  yield(): void {
    if (this.#reading) Atomics.store(this.#words, READER, NOBODY);
    this.#reading = false;
  }

  /**
   * Reads a request by `receive`; undefined: those that were left have to be taken up first. `waits`: the read waits, and until the
   * engine rests there are no pipes.
   */
  read(receive: () => number, waits: boolean): number | undefined {
    if (!this.#reading) this.#take();
    if (waits) Atomics.store(this.#words, PIPES, 0);
    const length = Atomics.load(this.#words, LEFT) > 0 ? undefined : receive();
    if (!waits) this.yield();
    return length;
  }

  /** Does what can wait for as long as a client keeps the pipe `id` locked; 0: it is none of the mount's. */
  touch<T>(id: number, what: () => T): T {
    if (id === 0) return what();
    Atomics.add(this.#words, BEAT, 1);
    Atomics.store(this.#words, TOUCHED, id);
    try {
      return what();
    } finally {
      Atomics.store(this.#words, TOUCHED, 0);
    }
  }

  /** The answer to a write is put off until the function that this returns is called; undefined: too many are. */
  owe({ size, uniqueLow, uniqueHigh }: Request): (() => void) | undefined {
    const words = this.#words;
    const place = this.#free.pop();
    if (place === undefined) return undefined;
    words[place + 1] = uniqueLow;
    words[place + 2] = uniqueHigh;
    Atomics.store(words, place, size);
    return () => {
      Atomics.store(words, place, 0);
      this.#free.push(place);
    };
  }

  /** The engine takes up one request that was left to it. */
  takeUp(): void {
    Atomics.sub(this.#words, LEFT, 1);
  }

  /** The engine ends: nobody reads any more. */
  end(): void {
    if (!this.#reading) this.#take();
  }

  #take(): void {
    const words = this.#words;
    while (Atomics.compareExchange(words, READER, NOBODY, ENGINE) !== NOBODY) Atomics.wait(words, READER, MAIN);
    Atomics.add(words, BEAT, 1);
    this.#reading = true;
  }
}

/** The main thread's side. */
export class Relief {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #request = new Request();
  readonly #receive: () => number;
  readonly #channel;
  readonly #told: { leave(request: Uint8Array): void; hangs(pipe: number): void };
  #timer: NodeJS.Timeout | undefined;
  #beat = 0;
  #pause = LOOK;
  /** What was left to the engine, at least since it has taken up all. */
  #left: Uint8Array[] = [];
  /** Looks at which the engine hung at a pipe, less twice those at which it moved. */
  #hung = 0;
  #isGivenUp = false;

  /** `leave` is told of each request that was read of the open FUSE device `device`, `hangs` when the engine has hung for long, and at which pipe. */
  constructor(
    memory: SharedArrayBuffer,
    device: number,
    told: { leave(request: Uint8Array): void; hangs(pipe: number): void },
  ) {
    this.#words = new Int32Array(memory);
    this.#receive = reader(device, this.#request.bytes);
    this.#channel = deviceChannel(device);
    this.#told = told;
  }

  /** There is a pipe, or there will be. */
  watch(): void {
    Atomics.store(this.#words, PIPES, 1);
    this.#pause = LOOK;
    this.#timer ??= this.#next();
  }

  /** Reads no more. Returns what was answered and is not done yet: nobody asks that again. */
  giveUp(): Uint8Array[] {
    clearTimeout(this.#timer);
    const request = new Request();
    return this.#left.slice(this.#left.length - Atomics.load(this.#words, LEFT)).filter((bytes) => {
      request.bytes.set(bytes);
      return request.received(bytes.length) && request.opcode === OP.WRITE;
    });
  }

  #look(): void {
    const words = this.#words;
    const beat = Atomics.load(words, BEAT);
    const rests = Atomics.load(words, RESTS) === 1;
    if (Atomics.load(words, PIPES) === 0 && (rests || Atomics.load(words, READER) === ENGINE)) {
      this.#timer = undefined;
      return;
    }
    if (rests || beat !== this.#beat) {
      this.#hung = Math.max(0, this.#hung - 2);
    } else if (Atomics.load(words, TOUCHED) !== 0) {
      this.#payOwed();
      for (let i = 0; i < MAX_LEFT && this.#readInstead(); i++);
      // One that is only slow, as on a machine that has no time for it, waits for no lock.
      if (++this.#hung >= LONG && !this.#isGivenUp && waitsUninterruptibly(Atomics.load(words, THREAD)) !== false) {
        this.#isGivenUp = true;
        this.#told.hangs(Atomics.load(words, TOUCHED));
      }
    }
    if (Atomics.load(words, LEFT) === 0) this.#left.length = 0;
    this.#pause = rests && beat === this.#beat ? Math.min(2 * this.#pause, LOOK_AT_REST) : LOOK;
    this.#beat = beat;
    this.#timer = this.#next();
  }

  #next(): NodeJS.Timeout {
    return setTimeout(() => this.#look(), this.#pause).unref();
  }

  /** If the engine pays at the same time, nobody hears one of the two. */
  #payOwed(): void {
    const words = this.#words;
    for (let place = OWED; place < words.length; place += 3) {
      const size = Atomics.load(words, place);
      if (size > 0) this.#channel.written(words[place + 1] as number, words[place + 2] as number, size);
    }
  }

  /** False when there is no request, or the engine moves. */
  #readInstead(): boolean {
    const words = this.#words;
    if (Atomics.compareExchange(words, READER, NOBODY, MAIN) !== NOBODY) return false;
    try {
      const length = Atomics.load(words, BEAT) === this.#beat ? this.#receive() : 0;
      if (length <= 0) return false;
      if (this.#request.received(length)) answerHolder(this.#request, this.#channel);
      Atomics.add(words, LEFT, 1);
      const bytes = Uint8Array.from(this.#request.bytes.subarray(0, length));
      this.#left.push(bytes);
      this.#told.leave(bytes);
      return true;
    } finally {
      Atomics.store(words, READER, NOBODY);
      Atomics.notify(words, READER);
    }
  }
}
