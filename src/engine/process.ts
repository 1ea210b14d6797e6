// The record of one process in system mode, and what is told of it.
import { type Client, oldest, type Waiter } from '../core/types.ts';
import type { Caller, Thread } from '../nodes/caller.ts';
import type { NodeChoice } from '../process/clients.ts';
import type { Lineage } from '../process/lineage.ts';
import type { Running } from './builds.ts';
import type { Mark } from './journal/counters.ts';
import type { ClientFigures } from './messages.ts';
import type { OwnPipe } from './own-pipes.ts';

/** A process that opened the node, or is about to. */
export interface Process extends Caller {
  /** Under which number the journal knows it: a pid comes back. */
  readonly serial: number;
  readonly pid: number;
  readonly start: number;
  readonly uid: number;
  /** Whose that user is: see process/owners.ts. */
  readonly owner: number;
  /** Descriptors that are kept for it: of itself, and of its pipe. */
  descriptors: number;
  readonly running: Running;
  /** Readable when it is gone. */
  readonly pidfd: number;
  readonly threads: Thread[];
  /** No process above it is a client: its first job runs without a token. */
  readonly topmost: boolean;
  program: string;
  choice: NodeChoice;
  /** Charged for the job that it runs without a token. */
  implicit: Client | undefined;
  /** Its pipe, once it was shown one. */
  pipe: OwnPipe | undefined;
  /** Whether it has opened the node, and not merely looked. */
  opened: boolean;
  /** Whether it did so as a character device, where every program finds the same. */
  byDevice: boolean;
}

/** What the next engine has to know of a process: under `process:SERIAL`. */
export interface ProcessFact
  extends Pick<Process, 'pid' | 'start' | 'uid' | 'topmost' | 'program' | 'choice' | 'opened' | 'byDevice' | 'alive'> {
  /** The number of its build. */
  build: number;
  /** What it has at the file node. */
  has: Mark;
  implicit: boolean;
  /** Its pipe, and what its clients have of it. */
  pipe: (Pick<OwnPipe, 'id' | 'returnId'> & { has: Mark; looks: boolean; barred?: true }) | undefined;
}

export function processFact(process: Process, markOf: (client: Client) => Mark): ProcessFact {
  const { pid, start, uid, topmost, program, choice, opened, byDevice, alive, running, client, implicit, pipe } =
    process;
  const told = { pid, start, uid, topmost, program, choice, opened, byDevice, alive };
  const of = { ...told, build: running.id, has: markOf(client) };
  return { ...of, implicit: implicit !== undefined, pipe: pipe && pipeFact(pipe, markOf) };
}

function pipeFact({ id, returnId, pipe, barred }: OwnPipe, markOf: (client: Client) => Mark): ProcessFact['pipe'] {
  if (barred !== undefined) return { id, returnId, has: markOf(barred), looks: false, barred: true };
  return pipe && { id, returnId, has: markOf(pipe.offer.client), looks: pipe.offer.looks };
}

/** Portage runs a job without a token only if MAKEFLAGS came to it from its environment. */
export function withMakeflags(choice: NodeChoice, { makeflags }: Lineage): NodeChoice {
  return choice.implicit === 'makeflags' ? { ...choice, implicit: makeflags } : choice;
}

export function clientFigures({ pid, program, choice, byDevice, client, pipe, implicit }: Process): ClientFigures {
  const offer = pipe?.pipe?.offer.client;
  return {
    pid,
    program,
    node: byDevice ? 'device' : choice.node,
    held: client.held + (offer?.held ?? 0) + (pipe?.barred?.held ?? 0),
    offered: client.offered + (offer?.offered ?? 0),
    // A pipe of which nothing was taken is hungry only by assumption.
    waiting: client.waiters.size + (offer !== undefined && offer.held > 0 ? offer.waiters.size : 0),
    implicit: implicit?.held ?? 0,
  };
}

/** What it waits with, for the longest time. A pipe of which nothing was taken waits only by assumption. */
export function waiterOf({ client, pipe }: Process): Waiter | undefined {
  const offer = pipe?.pipe?.offer.client;
  return oldest(client) ?? (offer !== undefined && offer.held > 0 ? oldest(offer) : undefined);
}
