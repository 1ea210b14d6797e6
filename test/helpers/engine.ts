// The real engine in its thread, with its FIFOs in a folder of the test's own, and builds whose roots are real processes.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EngineHandle } from '../../src/engine/handle.ts';
import type { BuildFacts, BuildFigures, Snapshot } from '../../src/engine/messages.ts';
import { temporaryFolder } from './temporary.ts';
import { until } from './until.ts';

interface Ends {
  after(done: () => void | Promise<void>): void;
}

/** One build: its root is a process that does nothing until it is killed. */
export interface TestBuild {
  id: number;
  root: ChildProcess;
  /** Undefined until the build has started. */
  fifo: string | undefined;
  ended: boolean;
}

export class TestEngine {
  readonly handle: EngineHandle;
  readonly folder: string;
  readonly builds = new Map<number, TestBuild>();
  readonly failures: string[] = [];
  #nextId = 1;
  #died: Error | undefined;

  constructor(t: Ends, capacity: number) {
    this.folder = temporaryFolder(t);
    this.handle = new EngineHandle(
      { capacity, fifoPrefix: join(this.folder, 'fifo-'), audit: true },
      {
        started: (id, fifo) => {
          const build = this.builds.get(id);
          if (build !== undefined) build.fifo = fifo;
        },
        failed: (_, message) => this.failures.push(message),
        appeared: () => {},
        lent: () => {},
        restored: () => {},
        damaged: () => {},
        holds: () => {},
        over: () => {},
        wish: () => {},
        expired: () => {},
        status: async () => '',
        exited: () => {},
        ended: (id) => {
          const build = this.builds.get(id);
          if (build !== undefined) build.ended = true;
        },
        taped: () => {},
        deviceGone: () => {},
        hangs: () => {},
        scarce: () => {},
        died: (error) => {
          this.#died = error;
        },
      },
    );
    t.after(async () => {
      for (const { root } of this.builds.values()) root.kill('SIGKILL');
      if (this.#died === undefined) await this.handle.stop();
    });
  }

  /** A build that waits for its first slot, or is about to have it. */
  open(implicit: 0 | 1 = 1): TestBuild {
    const root = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const build: TestBuild = { id: this.#nextId++, root, fifo: undefined, ended: false };
    this.builds.set(build.id, build);
    this.handle.open(build.id, factsOf(root.pid as number), { implicit });
    return build;
  }

  /** A build that has started; returns it with its FIFO open for reading and writing, not blocking. */
  async start(implicit: 0 | 1 = 1): Promise<{ build: TestBuild; fd: number }> {
    const build = this.open(implicit);
    const fifo = await until('the build starts', () => build.fifo);
    return { build, fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK) };
  }

  async end(build: TestBuild): Promise<void> {
    build.root.kill('SIGKILL');
    await until('the build ends', () => build.ended);
  }

  async figures(build: TestBuild): Promise<BuildFigures> {
    const found = (await this.snapshot()).builds.find(({ id }) => id === build.id);
    assert.ok(found !== undefined, `build ${build.id} is there`);
    return found;
  }

  snapshot(): Promise<Snapshot> {
    if (this.#died !== undefined) throw this.#died;
    return this.handle.snapshot();
  }
}

/** Takes up to `count` tokens that lie there; returns how many. */
export function take(fd: number, count: number): number {
  try {
    return readSync(fd, Buffer.alloc(count), 0, count, null);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

/** Waits until it has taken `count` tokens. */
export async function takeAll(fd: number, count: number): Promise<void> {
  let taken = 0;
  await until(`${count} tokens`, () => {
    taken += take(fd, count - taken);
    return taken === count;
  });
}

export function giveBack(fd: number, count: number, byte = '+'): void {
  writeSync(fd, byte.repeat(count));
}

/** What is told of a build whose root is `pid`. */
export const factsOf = (rootPid: number): BuildFacts => ({
  kind: 'run',
  label: 'test',
  cwd: '/',
  since: 0,
  rootPid,
  uid: 0,
  groups: [0],
  cgroup: '',
});
