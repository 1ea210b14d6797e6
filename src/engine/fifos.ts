// The ground of user mode: one FIFO for each build, with a name in the daemon's directory.

import { EPOLLET } from '../kernel/epoll.ts';
import type { Pipe, PipeNode } from '../nodes/pipe.ts';
import type { Ground, Running, Whereabouts } from './builds.ts';
import type { Leases } from './leases.ts';
import type { Loop } from './loop.ts';
import type { BuildFigures } from './messages.ts';

export class Fifos implements Ground {
  readonly #pipes: PipeNode;
  readonly #loop: Loop;
  readonly #leases: Leases;
  readonly #prefix: string;
  readonly #now: () => number;
  /** Called when a build whose root is gone has nothing left. */
  readonly #over: (running: Running) => void;
  readonly #byBuild = new Map<Running, Pipe>();

  constructor(
    parts: { pipes: PipeNode; leases: Leases; loop: Loop; now: () => number; over: (running: Running) => void },
    prefix: string,
  ) {
    this.#pipes = parts.pipes;
    this.#leases = parts.leases;
    this.#loop = parts.loop;
    this.#now = parts.now;
    this.#over = parts.over;
    this.#prefix = prefix;
  }

  start(running: Running): string {
    const path = `${this.#prefix}${running.id}`;
    if (running.lease !== undefined) this.#leases.start(running, path);
    else this.#byBuild.set(running, this.#pipes.open(running.build, path, this.#now()));
    return path;
  }

  rootGone(running: Running): boolean {
    if (running.lease !== undefined) return this.#leases.rootGone(running);
    const pipe = this.#byBuild.get(running);
    if (pipe === undefined || !this.#pipes.abandon(pipe)) return false;
    // Something it started lives on. EPOLLERR, which needs no asking for, comes when the last of it has closed the pipe.
    this.#pipes.recount(this.#now());
    this.#loop.watch(pipe.writeEnd, EPOLLET, () => {
      if (!this.#pipes.abandon(pipe)) this.#over(running);
    });
    return true;
  }

  close(running: Running): void {
    if (running.lease !== undefined) this.#leases.close(running);
    const pipe = this.#byBuild.get(running);
    if (pipe === undefined) return;
    this.#byBuild.delete(running);
    this.#loop.unwatch(pipe.writeEnd);
    this.#pipes.closePipe(pipe);
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
