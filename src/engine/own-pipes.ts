// The pipes of system mode: one for each process that is shown a pipe, opened by the daemon before the process can open it.
import os from 'node:os';
import type { Ledger } from '../core/ledger.ts';
import type { Client } from '../core/types.ts';
import { EPOLLET, EPOLLIN } from '../kernel/epoll.ts';
import type { Directory } from '../nodes/fuse/directory.ts';
import type { Shown } from '../nodes/fuse/session.ts';
import type { Touch } from '../nodes/node.ts';
import { closeEnds, type Ends, type Pipe, type PipeNode } from '../nodes/pipe.ts';
import type { Journal } from './journal/journal.ts';
import type { Lookups } from './lookups.ts';
import type { Loop } from './loop.ts';
import type { Process, ProcessFact } from './process.ts';

const { EIO, ENFILE } = os.constants.errno;

/** A process's pipe: its node ids, and the pipe once the daemon has it open. */
export interface OwnPipe {
  readonly id: number;
  /** Of the second half of a split pipe, else 0. */
  readonly returnId: number;
  pipe: Pipe | undefined;
  /** It is not touched any more: what its clients had when an engine hung at it, which counts as held while its owner lives. */
  barred: Client | undefined;
  /** Who waits until the daemon has it open. */
  readonly waiting: ((shown: Shown) => void)[];
}

interface Parts {
  ledger: Ledger;
  touch: Touch;
  pipes: PipeNode;
  journal: Journal;
  lookups: Lookups;
  loop: Loop;
  now: () => number;
}

export class OwnPipes {
  readonly #parts: Parts;
  readonly #directory: Directory;
  /** Writes down what is known of it. */
  readonly #note: (process: Process) => void;
  readonly #byPipe = new Map<Pipe, Process>();

  constructor(parts: Parts, directory: Directory, note: (process: Process) => void) {
    this.#parts = parts;
    this.#note = note;
    this.#directory = directory;
  }

  /** Whose pipe it is. */
  owner(pipe: Pipe): Process | undefined {
    return this.#byPipe.get(pipe);
  }

  /** Shows the process its pipe, which is made if it has none. */
  show(process: Process, answer: (shown: Shown) => void): void {
    const { lookups, pipes, now } = this.#parts;
    const known = process.pipe;
    if (known?.pipe !== undefined) {
      pipes.ready(now()); // has it opened the first half?
      answer({ node: 'pipe', id: this.#half(process) });
      return;
    }
    if (known?.barred !== undefined) {
      answer({ node: 'none', errno: EIO });
      return;
    }
    if (known !== undefined) {
      known.waiting.push(answer);
      return;
    }
    const split = process.choice.node === 'split';
    const made: OwnPipe = {
      id: this.#directory.newPipe(),
      returnId: split ? this.#directory.newPipe() : 0,
      pipe: undefined,
      barred: undefined,
      waiting: [answer],
    };
    process.pipe = made;
    lookups.pipe(made.id, made.returnId, (ends) => this.#adopt(process, made, ends));
  }

  #adopt(process: Process, made: OwnPipe, ends: Ends | undefined): void {
    const { pipes, now } = this.#parts;
    const waiting = made.waiting.splice(0);
    if (ends === undefined || !process.alive) {
      if (ends !== undefined) closeEnds(ends);
      process.pipe = undefined;
      for (const answer of waiting) answer({ node: 'none', errno: ENFILE });
      return;
    }
    const pipe = pipes.adopt(process.running.build, ends, now(), {
      looks: process.choice.looks,
      tag: process.pid,
      id: made.id,
      afterOpen: true, // else a token could be taken before the job that runs without one is charged
    });
    this.#enter(process, made, pipe);
    this.#parts.journal.keepPipe(`pipe:${made.id}`, pipe);
    this.#note(process);
    for (const answer of waiting) answer({ node: 'pipe', id: made.id });
  }

  /** Takes over the pipe that the process was shown by another engine. */
  restore(process: Process, { id, returnId, looks }: NonNullable<ProcessFact['pipe']>, has: number): void {
    const { journal, pipes, touch, now } = this.#parts;
    const ends = touch(id, () => journal.claimPipe(`pipe:${id}`, process.alive));
    if (ends === undefined) return;
    const pipe = pipes.restore(process.running.build, ends, has, now(), { looks, afterOpen: true, id });
    process.pipe = { id, returnId, pipe, barred: undefined, waiting: [] };
    this.#enter(process, process.pipe, pipe);
  }

  /** The same, but without touching it. */
  bar(process: Process, { id, returnId }: NonNullable<ProcessFact['pipe']>, has: number): void {
    const { journal, ledger } = this.#parts;
    journal.leavePipe(`pipe:${id}`);
    const barred = ledger.openClient(process.running.build, 'exact', process.pid);
    ledger.restore(barred, has, 0);
    process.pipe = { id, returnId, pipe: undefined, barred, waiting: [] };
  }

  /** Goes on with what was restored. */
  resume(): void {
    for (const pipe of this.#byPipe.keys()) this.#parts.pipes.resume(pipe, this.#parts.now());
  }

  /** A split pipe is for clients that open once to read and then once to write. */
  #half({ pipe }: Process): number {
    if (pipe === undefined) return 0;
    return pipe.returnId !== 0 && pipe.pipe?.opened ? pipe.returnId : pipe.id;
  }

  /** The process is gone. False when nobody else has its pipe open; else `over` is called when the last of them has closed it. */
  abandon(process: Process, over: () => void): boolean {
    const { pipes, now } = this.#parts;
    const pipe = process.pipe?.pipe;
    if (pipe === undefined || !pipes.abandon(pipe)) return false;
    pipes.recount(now());
    this.watchEnd(pipe, over);
    return true;
  }

  /** Calls `over` when nobody has the pipe open any more. */
  watchEnd(pipe: Pipe, over: () => void): void {
    const { pipes, loop } = this.#parts;
    loop.watch(pipe.writeEnd, EPOLLET, () => {
      if (!pipes.abandon(pipe)) over();
    });
  }

  close(process: Process): void {
    const made = process.pipe;
    if (made === undefined) return;
    process.pipe = undefined;
    this.#directory.dropPipe(made.id);
    if (made.returnId !== 0) this.#directory.dropPipe(made.returnId);
    if (made.barred !== undefined) {
      this.#parts.ledger.forget(made.barred);
      this.#parts.journal.releasePipe(`pipe:${made.id}`, { returnEnd: made.returnId === 0 ? -1 : 0 });
    }
    if (made.pipe === undefined) return;
    this.#byPipe.delete(made.pipe);
    this.#parts.loop.unwatch(made.pipe.writeEnd);
    if (made.pipe.returnEnd !== -1) this.#parts.loop.unwatch(made.pipe.returnEnd);
    this.#parts.pipes.closePipe(made.pipe);
    this.#parts.journal.releasePipe(`pipe:${made.id}`, made.pipe);
  }

  #enter(process: Process, made: OwnPipe, pipe: Pipe): void {
    const { pipes, loop, now } = this.#parts;
    made.pipe = pipe;
    this.#byPipe.set(pipe, process);
    if (pipe.returnEnd !== -1) loop.watch(pipe.returnEnd, EPOLLIN, () => pipes.returned(pipe, now()));
  }
}
