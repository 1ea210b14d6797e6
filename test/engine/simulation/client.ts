// A process of the simulated machine that is a client of the pool, as it sees itself: what it has open, which of its threads waits
// for what, and the tokens it has. It takes and returns as clients do: what it returns, it has taken.

import type { Pending } from './device.ts';
import type { FifoEnd } from './fifo.ts';
import type { Mortal } from './machine.ts';

/** An open file of the file node; children inherit it. */
export interface OpenFile {
  readonly fh: bigint;
  /** By what the kernel knows it when it is polled. */
  readonly handle: bigint;
  /** Processes that have it open. */
  users: number;
  /** How often its pollers were told to look again. */
  rings: number;
}

/** A pipe that a process has open: one FIFO, or one to take from and one to return into. */
export interface OpenPipe {
  readonly read: FifoEnd;
  readonly write: FifoEnd;
}

export interface Thread {
  readonly tid: number;
  /** What it sleeps in. */
  wait:
    | { on: 'answer'; pending: Pending; reads: boolean; failed: () => void }
    | { on: 'bytes'; pipe: OpenPipe }
    | { on: 'ring'; file: OpenFile }
    | undefined;
}

/** Which node it is shown, by its program: see src/process/clients.ts. */
export const PROGRAMS = ['make', 'make', 'ninja', 'tool', 'splitter'] as const;
export type Program = (typeof PROGRAMS)[number];

/** Threads of a process; the last one only returns what is left when everybody is to end. */
const THREADS = 3;

export class Client implements Mortal {
  readonly pid: number;
  readonly start: number;
  readonly parent: Client | undefined;
  /** The leader of its session. */
  readonly session: Client;
  readonly program: Program;
  readonly uid: number;
  readonly threads: readonly Thread[];
  readonly files: OpenFile[] = [];
  readonly pipes: OpenPipe[] = [];
  /** Tokens that it has of the file node, and of each of its pipes. */
  held = 0;
  readonly taken = new Map<OpenPipe, number>();
  /** Node ids of the pipes that it was shown as its own. */
  readonly nodes = new Set<number>();
  /** Those that it was shown when it was in a lease: most likely the lease's. */
  readonly leased = new Set<number>();
  /** The lease that it may have been in is over: what it had from there is not counted any more. */
  disowned = false;
  /** It has tried to open the node. */
  looked = false;
  /** It was killed, but its threads still wait for answers. */
  dying = false;
  ended = false;

  constructor(pid: number, start: number, program: Program, parent: Client | undefined) {
    this.pid = pid;
    this.start = start;
    this.program = program;
    this.parent = parent;
    this.session = parent?.session ?? this;
    this.uid = parent?.uid ?? 1000 + (start % 2);
    this.threads = Array.from({ length: THREADS }, (_, i) => ({ tid: pid + i, wait: undefined }));
  }

  /** What stands for its table of open files. */
  get owner(): bigint {
    return 0x1_0000_0003n * BigInt(this.start);
  }

  get alive(): boolean {
    return !this.ended && !this.dying;
  }

  /** A thread that does nothing, but for the last one. */
  get idle(): Thread | undefined {
    return this.threads.slice(0, -1).find(({ wait }) => wait === undefined);
  }

  /** Those above it that live, nearest first. */
  get ancestors(): Client[] {
    const found: Client[] = [];
    for (let one = this.parent; one !== undefined && !one.ended; one = one.parent) found.push(one);
    return found;
  }

  /** Tokens of pipes that it has. */
  get ofPipes(): number {
    return [...this.taken.values()].reduce((sum, count) => sum + count, 0);
  }
}
