// The ground of user mode: one FIFO for each build, with a name in the daemon's directory.

import { EPOLLET } from '../kernel/epoll.ts';
import type { Pipe, PipeNode } from '../nodes/pipe.ts';
import type { Ground, Running, Whereabouts } from './builds.ts';
import type { Mark } from './journal/counters.ts';
import type { Journal } from './journal/journal.ts';
import type { Past } from './journal/past.ts';
import type { Leases } from './leases.ts';
import type { Loop } from './loop.ts';
import type { BuildFigures } from './messages.ts';

interface Parts {
  pipes: PipeNode;
  leases: Leases;
  loop: Loop;
  journal: Journal;
  now: () => number;
  /** Called when a build whose root is gone has nothing left. */
  over: (running: Running) => void;
}

/** What the next engine has to know of a build's FIFO. */
interface FifoFact {
  path: string;
  /** What its client has. */
  has: Mark;
}

export class Fifos implements Ground {
  readonly #pipes: PipeNode;
  readonly #loop: Loop;
  readonly #leases: Leases;
  readonly #prefix: string;
  readonly #now: () => number;
  readonly #over: (running: Running) => void;
  readonly #journal: Journal;
  readonly #byBuild = new Map<Running, Pipe>();
  /** Restored ones of which nothing is left: the other engine has not come so far as to end them. */
  readonly #empty: Running[] = [];

  constructor(parts: Parts, prefix: string) {
    this.#pipes = parts.pipes;
    this.#leases = parts.leases;
    this.#loop = parts.loop;
    this.#now = parts.now;
    this.#over = parts.over;
    this.#journal = parts.journal;
    this.#prefix = prefix;
  }

  start(running: Running): string {
    const path = `${this.#prefix}${running.id}`;
    if (running.lease !== undefined) this.#leases.start(running, path);
    else {
      const pipe = this.#pipes.open(running.build, path, this.#now());
      this.#byBuild.set(running, pipe);
      this.#journal.keepPipe(`pipe:${running.id}`, pipe);
    }
    return path;
  }

  rootGone(running: Running): boolean {
    if (running.lease !== undefined) return this.#leases.rootGone(running);
    const pipe = this.#byBuild.get(running);
    if (pipe === undefined || !this.#pipes.abandon(pipe)) return false;
    this.#pipes.recount(this.#now());
    this.#watchEnd(running, pipe);
    return true;
  }

  close(running: Running): void {
    if (running.lease !== undefined) this.#leases.close(running);
    const pipe = this.#byBuild.get(running);
    if (pipe === undefined) return;
    this.#byBuild.delete(running);
    this.#loop.unwatch(pipe.writeEnd);
    this.#pipes.closePipe(pipe);
    this.#journal.releasePipe(`pipe:${running.id}`, pipe);
  }

  fact(running: Running): unknown {
    const pipe = this.#byBuild.get(running);
    if (pipe === undefined) return this.#leases.fact(running);
    const fact: FifoFact = { path: pipe.path as string, has: this.#journal.counters.markOf(pipe.offer.client.record) };
    return fact;
  }

  restore(running: Running, fact: unknown, past: Past): void {
    if (running.lease !== undefined) {
      this.#leases.restore(running, fact);
      if (running.rootFd === -1 && running.lease.pipe === undefined) this.#empty.push(running);
      return;
    }
    const { path, has } = fact as FifoFact;
    const ends = this.#journal.claimPipe(`pipe:${running.id}`, running.rootFd !== -1);
    if (ends === undefined) {
      if (running.rootFd === -1) this.#empty.push(running);
      return;
    }
    const pipe = this.#pipes.restore(running.build, ends, past.counters.value(has) ?? 0, this.#now(), { path });
    this.#byBuild.set(running, pipe);
    if (running.rootFd === -1) this.#watchEnd(running, pipe);
  }

  /** Goes on with what was restored. */
  resume(): void {
    for (const pipe of this.#byBuild.values()) this.#pipes.resume(pipe, this.#now());
    for (const running of this.#empty.splice(0)) this.#over(running);
  }

  /** Something it started lives on. EPOLLERR, which needs no asking for, comes when the last of it has closed the pipe. */
  #watchEnd(running: Running, pipe: Pipe): void {
    this.#loop.watch(pipe.writeEnd, EPOLLET, () => {
      if (!this.#pipes.abandon(pipe)) this.#over(running);
    });
  }

  reclaim(running: Running): number {
    const pipe = this.#byBuild.get(running);
    return pipe === undefined || running.build.held <= 0 ? 0 : this.#pipes.reclaim(pipe, this.#now());
  }

  /** Whoever is in no build may still have been started in one. */
  find(): Whereabouts {
    return {};
  }

  /** Nobody can be told apart in a FIFO. */
  clientAbove(): undefined {}

  figures(running: Running): Pick<BuildFigures, 'waiting' | 'stranded' | 'surplus' | 'clients'> {
    const { build } = running;
    const pipe = this.#byBuild.get(running);
    let waiting = 0;
    // A pipe of which nothing was taken is hungry only by assumption.
    if (pipe === undefined || build.held > 0) for (const client of build.clients) waiting += client.waiters.size;
    const stranded = pipe !== undefined && build.held > 0 && !this.#pipes.inUse(pipe) ? build.held : 0;
    return { waiting, stranded, surplus: pipe?.surplus ?? 0, clients: [] };
  }
}
