// A daemon of the machine in a place of the test's own: mounted in the place's folder, started by bin/stint as root. When the
// test ends, also when it failed, the mount is aborted first, so that nothing can hang in it, then everything is killed.
import assert from 'node:assert/strict';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status } from '../../src/api/schema.ts';
import { abortMount, detachMount } from '../../src/kernel/mount.ts';
import { DAEMON_DEADLINE, Place, STINT, type Started, untilServes } from './pool.ts';

interface Ends {
  after(done: () => Promise<void> | void): void;
}

/** Why no test can serve a machine here, or undefined. */
export function noMachine(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may mount';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return 'no /dev/fuse';
  }
}

/**
 * Arguments of setpriv(1): as nobody, who may look into folders of others, since the sources may stand in one of root's, but write
 * nowhere.
 */
export const NOBODY = [
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--inh-caps=+dac_read_search',
  '--ambient-caps=+dac_read_search',
];

interface MachineOptions {
  /** Of `stint serve`. */
  args?: readonly string[];
  env?: Record<string, string>;
  /** False: the configuration says how much is given beyond the pool. */
  strict?: boolean;
  /** A program and its arguments that become the daemon. */
  through?: readonly string[];
  /** The program; default: ours. */
  stint?: string;
}

export class Machine extends Place {
  /** Slots, as far as the command line says. */
  readonly jobs: number | undefined;
  /** The path that clients open. */
  readonly node: string;
  override readonly socket: string;
  /** The `stint serve` in it. */
  readonly daemon: Started;

  /** Use `startMachine`; `jobs` undefined: what the configuration says. */
  constructor(
    t: Ends,
    jobs: number | undefined,
    { args = [], env = {}, strict = true, through = [], stint = STINT }: MachineOptions = {},
  ) {
    super(t);
    this.jobs = jobs;
    this.node = join(this.mount, 'jobserver');
    this.socket = join(this.mount, 'api.sock');
    const said = [...(strict ? ['--strict'] : []), ...(jobs === undefined ? [] : ['--jobs', String(jobs)]), ...args];
    const serve = ['serve', '--mount', this.mount, ...said];
    const [file = stint, ...rest] = [...through, stint, ...serve];
    this.daemon = this.spawn(file, rest, { env: { STINT_AUDIT: '1', ...env }, deadline: DAEMON_DEADLINE });
  }

  protected override release(): void {
    while (isMounted(this.mount)) {
      abortMount(this.mount);
      try {
        detachMount(this.mount);
      } catch {
        // It is gone: nobody had it open, or the daemon was faster.
      }
    }
  }

  /** What MAKEFLAGS has to be for clients that are started without `stint run`. */
  makeflags(jobs: number = this.jobs ?? 2): string {
    return ` -j${Math.max(2, jobs)} --jobserver-auth=fifo:${this.node}`;
  }

  /** That all slots are free, that the daemon said nothing and leaves with 0 when told, and that it leaves nothing mounted. */
  async stop(): Promise<void> {
    const { free, capacity } = await this.untilIdle();
    assert.equal(free, capacity);
    this.daemon.kill('SIGTERM');
    const { code, stderr } = await this.daemon.ended;
    assert.equal(stderr, '', 'the daemon had nothing to complain of');
    assert.equal(code, 0, 'the daemon left in order');
    assert.equal(isMounted(this.mount), false, 'nothing is mounted');
  }

  /** The slots of the status: used and free. */
  async counts(): Promise<Pick<Status, 'free' | 'waiting' | 'builds'>> {
    const { free, waiting = 0, builds } = await this.status();
    return { free, waiting, builds };
  }
}

/** Starts `stint serve --mount … --jobs N ARG…` in a new place and waits for its line. */
export async function startMachine(t: Ends, jobs: number | undefined, options?: MachineOptions): Promise<Machine> {
  const machine = new Machine(t, jobs, options);
  await untilServes(machine.daemon);
  return machine;
}

/** Whether anything is mounted at `path`; never asks the mount itself. */
export const isMounted = (path: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === path);
