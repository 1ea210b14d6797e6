// The engine: one synchronous loop that owns the ledger and the nodes. It blocks in nothing but its wait, and it never
// reads /proc of a client. Each pass: wait → what happened → what the ledger says → deliver.
import { closeSync } from 'node:fs';
import { Ledger } from '../core/ledger.ts';
import { Offers } from '../core/offers.ts';
import type { Build, Client, Waiter } from '../core/types.ts';
import { EPOLLET, EPOLLIN, Epoll } from '../kernel/epoll.ts';
import { clearEventfd } from '../kernel/eventfd.ts';
import { openPidfd } from '../kernel/pidfd.ts';
import { type Pipe, PipeNode } from '../nodes/pipe.ts';
import type { BuildFigures, EngineOptions, FromEngine, ToEngine } from './messages.ts';

/** Turns of a pass before the engine looks for messages again, however busy the pipes are. */
const MAX_TURNS = 4;

/** A build of the ledger together with its root process and its pipe. */
interface Running {
  readonly id: number;
  readonly build: Build;
  /** Readable when the root process is gone; -1 after that. */
  rootFd: number;
  /** Holds the slot of the job that the root runs without a token. */
  root: Client | undefined;
  /** What the first slot waits with. */
  first: Waiter | undefined;
  /** Undefined until the build has its first slot. */
  pipe: Pipe | undefined;
}

/** The thread's ends of the lines to the main thread. */
export interface Lines {
  /** Becomes readable when the main thread has sent something. */
  wakeFd: number;
  /** The next message of the main thread, or undefined. */
  receive(): ToEngine | undefined;
  send(message: FromEngine): void;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #lines: Lines;
  readonly #ledger: Ledger;
  readonly #pipes: PipeNode;
  readonly #epoll = new Epoll();
  readonly #builds = new Map<number, Running>();
  readonly #byFirst = new Map<Waiter, Running>();
  /** Builds that have got their first slot. */
  readonly #toStart: Running[] = [];
  /** Builds whose root is gone and that still hold its slot. */
  readonly #rootless = new Set<Running>();
  /** What to do when a descriptor is ready. */
  readonly #handlers = new Map<number, () => void>();
  /** Descriptors closed since the last wait: what that wait still tells of them is not about who has their numbers now. */
  readonly #stale = new Set<number>();
  #now = performance.now();
  #stopped = false;

  constructor(options: EngineOptions, lines: Lines) {
    this.#options = options;
    this.#lines = lines;
    this.#ledger = new Ledger(options.capacity, (waiter) => this.#granted(waiter), { audit: options.audit });
    this.#pipes = new PipeNode(this.#ledger, new Offers(this.#ledger));
    this.#watch(lines.wakeFd, EPOLLIN, () => this.#obey());
    this.#watch(this.#pipes.fd, EPOLLIN, () => this.#pipes.ready(this.#now));
  }

  /** Runs until it is told to stop. */
  run(): void {
    while (!this.#stopped) this.#pass();
    for (const running of this.#builds.values()) if (running.rootFd !== -1) closeSync(running.rootFd);
    this.#pipes.close();
    this.#epoll.close();
  }

  #pass(): void {
    // Wait.
    const pause = this.#pipes.nextLook(this.#now) - this.#now;
    const timeout = pause === Number.POSITIVE_INFINITY ? -1 : pause;
    this.#epoll.wait(timeout, this.#ready);
    this.#stale.clear();

    // What time asks for, and the builds that may start, until nothing moves any more. What we do ourselves rings too: it is
    // heard here, instead of in a pass of its own, together with what clients did meanwhile.
    for (let again = MAX_TURNS; again > 0; again--) {
      this.#now = performance.now();
      for (const running of this.#rootless) this.#dropIdleRoot(running);
      this.#pipes.settle(this.#now);
      const started = this.#startGranted();
      if (!this.#pipes.ready(this.#now) && !started) break;
    }
  }

  // What happened.
  readonly #ready = (fd: number): void => {
    if (this.#stale.has(fd)) return;
    this.#now = performance.now();
    this.#handlers.get(fd)?.();
  };

  /** A first slot starts its build, but not before the ledger has done; any other is delivered at once. */
  #granted(waiter: Waiter): void {
    const starting = this.#byFirst.get(waiter);
    if (starting === undefined) this.#pipes.grant(waiter, this.#now);
    else this.#toStart.push(starting);
  }

  #startGranted(): boolean {
    const starting = this.#toStart.splice(0);
    for (const running of starting) if (this.#builds.has(running.id)) this.#start(running);
    return starting.length > 0;
  }

  #obey(): void {
    clearEventfd(this.#lines.wakeFd);
    for (let message = this.#lines.receive(); message !== undefined; message = this.#lines.receive()) {
      switch (message.type) {
        case 'open':
          this.#open(message.id, message.rootPid, message.implicit);
          break;
        case 'cancel':
          this.#cancel(message.id);
          break;
        case 'capacity':
          this.#ledger.setCapacity(message.capacity);
          break;
        case 'snapshot':
          this.#snapshot(message.request);
          break;
        case 'stop':
          this.#stopped = true;
          break;
      }
    }
  }

  #open(id: number, rootPid: number, implicit: 0 | 1): void {
    let rootFd: number;
    try {
      rootFd = openPidfd(rootPid);
    } catch (error) {
      this.#lines.send({ type: 'failed', id, message: (error as Error).message });
      return;
    }
    const running: Running = {
      id,
      build: this.#ledger.openBuild(),
      rootFd,
      root: undefined,
      first: undefined,
      pipe: undefined,
    };
    this.#builds.set(id, running);
    this.#watch(rootFd, EPOLLIN, () => this.#rootGone(running));
    if (implicit === 0) {
      this.#start(running);
      return;
    }
    running.root = this.#ledger.openClient(running.build, 'implicit');
    running.first = { client: running.root, since: this.#now, order: 0 };
    this.#byFirst.set(running.first, running);
    this.#ledger.acquire(running.first, this.#now);
  }

  #start(running: Running): void {
    if (running.first !== undefined) this.#byFirst.delete(running.first);
    running.first = undefined;
    const fifo = `${this.#options.fifoPrefix}${running.id}`;
    try {
      running.pipe = this.#pipes.open(running.build, fifo, this.#now);
    } catch (error) {
      this.#forget(running);
      this.#lines.send({ type: 'failed', id: running.id, message: (error as Error).message });
      return;
    }
    this.#lines.send({ type: 'started', id: running.id, fifo });
  }

  #cancel(id: number): void {
    const running = this.#builds.get(id);
    if (running !== undefined && running.pipe === undefined) this.#end(running);
  }

  #rootGone(running: Running): void {
    this.#unwatchRoot(running);
    const { pipe } = running;
    if (pipe === undefined || !this.#pipes.abandon(pipe)) {
      this.#end(running);
      return;
    }
    // Something it started lives on. EPOLLERR, which needs no asking for, comes when the last of it has closed the pipe.
    this.#pipes.recount(this.#now);
    this.#rootless.add(running);
    this.#watch(pipe.writeEnd, EPOLLET, () => {
      if (!this.#pipes.abandon(pipe)) this.#end(running);
    });
  }

  /** The slot of a gone root is kept for what it left behind as long as that works, that is, holds slots. */
  #dropIdleRoot(running: Running): void {
    if (running.build.held > 0) return;
    if (running.root !== undefined) this.#ledger.forget(running.root);
    running.root = undefined;
    this.#rootless.delete(running);
  }

  #end(running: Running): void {
    this.#forget(running);
    this.#lines.send({ type: 'ended', id: running.id });
  }

  #forget(running: Running): void {
    this.#unwatchRoot(running);
    if (running.first !== undefined) this.#byFirst.delete(running.first);
    if (running.pipe !== undefined) {
      this.#unwatch(running.pipe.writeEnd);
      this.#pipes.closePipe(running.pipe);
    }
    this.#rootless.delete(running);
    this.#ledger.closeBuild(running.build);
    this.#builds.delete(running.id);
  }

  #snapshot(request: number): void {
    this.#pipes.recount(this.#now);
    const builds = [...this.#builds.values()].map((running) => this.#figures(running));
    this.#lines.send({ type: 'snapshot', request, snapshot: { capacity: this.#ledger.capacity, builds } });
  }

  #figures({ id, build, pipe, rootFd }: Running): BuildFigures {
    let waiting = 0;
    // A pipe of which nothing was taken is hungry only by assumption.
    if (pipe === undefined || build.held > 0) for (const client of build.clients) waiting += client.waiters.size;
    return {
      id,
      state: pipe === undefined ? 'starting' : rootFd === -1 ? 'left' : 'running',
      implicit: build.implicit,
      held: build.held,
      offered: build.offered,
      waiting,
      stranded: pipe !== undefined && build.held > 0 && !this.#pipes.inUse(pipe) ? build.held : 0,
      surplus: pipe?.surplus ?? 0,
    };
  }

  #watch(fd: number, events: number, handler: () => void): void {
    this.#handlers.set(fd, handler);
    this.#epoll.add(fd, events);
  }

  #unwatch(fd: number): void {
    if (!this.#handlers.delete(fd)) return;
    this.#epoll.remove(fd);
    this.#stale.add(fd);
  }

  #unwatchRoot(running: Running): void {
    if (running.rootFd === -1) return;
    this.#unwatch(running.rootFd);
    closeSync(running.rootFd);
    running.rootFd = -1;
  }
}
