// Starts racers (racer.c) on the machine's node and talks to them: one line each way. The program's name says which node it
// is shown, for the daemon of these tests is configured so.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Machine, startMachine } from '../helpers/machine.ts';
import type { SpawnOptions, Started } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

export const NODES = ['file', 'pipe'] as const;
export type NodeKind = (typeof NODES)[number];
export type Mode = 'interrupt' | 'death' | 'poll' | 'open' | 'fork' | 'exec' | 'reclaim';

/** What `run` has counted since the racer was started. */
export interface Counts {
  rounds: number;
  reads: number;
  writes: number;
  interrupted: number;
  /** Reads that did not wait and found nothing. */
  again: number;
  /** Waits of 10 s for the node to become readable, in vain. */
  stuck: number;
  kills: number;
  /** Tokens that may have been returned after their taker's death. */
  late: number;
}

interface Ends {
  after(done: () => void): void;
}

/** How long a racer may take to answer, milliseconds. */
const PATIENCE = 120_000;

/** Compiles the racer into a folder of the test's, under a name for each node. Returns where each is. */
export function buildRacers(t: Ends, flags: readonly string[] = []): Record<NodeKind, string> {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755); // other users run it too
  const path = (kind: NodeKind) => join(folder, `racer-${kind}`);
  execFileSync('cc', ['-O2', '-pthread', ...flags, '-o', path('file'), join(import.meta.dirname, 'racer.c')]);
  copyFileSync(path('file'), path('pipe'));
  return { file: path('file'), pipe: path('pipe') };
}

/** A daemon whose racers are shown the node of their name and are charged for nothing; `settings` stand above that, in TOML. */
export async function startTrack(t: Parameters<typeof startMachine>[0] & Ends, jobs: number, settings = '', env = {}) {
  const config = join(temporaryFolder(t), 'stint.toml');
  const clients = NODES.map((kind) => `[[client]]\nprogram = "racer-${kind}"\nnode = "${kind}"\nimplicit = false\n`);
  writeFileSync(config, `${settings}\n${clients.join('')}`);
  return startMachine(t, jobs, { args: ['--config', config], env });
}

/** Everything at a racer's end that is not its command line. */
export interface RacerOptions extends SpawnOptions {
  /** Another path to the node. */
  node?: string;
  /** A program and its arguments that become the racer in the end. */
  through?: readonly string[];
}

export class Racer {
  readonly started: Started;
  /** Slots that it holds, by its last answer. */
  held = 0;
  readonly #lines: AsyncIterator<string>;

  constructor(machine: Machine, command: readonly [string, Mode, number], options: RacerOptions = {}) {
    const [program, mode, seed] = command;
    const { node = machine.node, through = [], ...rest } = options;
    const [file = program, ...args] = [...through, program, mode, node, String(seed)];
    this.started = machine.spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], deadline: 2 * PATIENCE, ...rest });
    const { stdin, stdout } = this.started.child;
    stdin?.on('error', () => {}); // it was killed
    assert.ok(stdout);
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.started.pid;
  }

  /** Gives a command without waiting for its answer. */
  tell(command: string): void {
    this.started.child.stdin?.write(`${command}\n`);
  }

  /** Gives a command. @throws Error when the racer ends or does not answer */
  async ask<T>(command: string): Promise<T> {
    this.tell(command);
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(() => silence.reject(new Error(`no answer to ${command}`)), PATIENCE);
    try {
      const { value, done } = await Promise.race([this.#lines.next(), silence.promise]);
      if (done) throw new Error(`the racer ended at ${command}: ${JSON.stringify(await this.started.ended)}`);
      return JSON.parse(value) as T;
    } finally {
      clearTimeout(timer);
    }
  }

  async run(rounds: number): Promise<Counts> {
    this.held = 0;
    return this.ask(`run ${rounds}`);
  }

  /** Takes up to `count` slots more, without waiting. */
  async hold(count: number): Promise<number> {
    this.held = (await this.ask<{ held: number }>(`hold ${count}`)).held;
    return this.held;
  }

  /** Takes one slot more, and waits until there is one. */
  async read(): Promise<void> {
    this.held = (await this.ask<{ held: number }>('read')).held;
  }

  /** Ends, with all that it holds. */
  async end(): Promise<void> {
    this.started.child.stdin?.end();
    const { code, stderr } = await this.started.ended;
    assert.equal(`${code} ${stderr}`, '0 ', 'the racer ended well');
    this.held = 0;
  }
}

/** Waits until the status says of every racer what the racer itself says, and of nobody else that he holds anything. */
export async function untilTrue(machine: Machine, racers: readonly Pick<Racer, 'pid' | 'held'>[]): Promise<void> {
  const truth = new Map(racers.filter(({ held }) => held > 0).map(({ pid, held }) => [pid, held]));
  const all = [...truth.values()].reduce((sum, held) => sum + held, 0);
  await until(`the daemon counts what the racers hold: ${JSON.stringify([...truth])}`, async () => {
    const { free, capacity, builds, overcommit } = await machine.status();
    const said = builds.flatMap(({ clients = [] }) => clients).filter(({ held }) => held !== 0);
    const right = said.length === truth.size && said.every(({ pid, held }) => truth.get(pid) === held);
    if (right && free === capacity - all && overcommit === 0) return true;
    throw new Error(`free ${free}: ${JSON.stringify(said)}`);
  });
}

/** Waits until a process sleeps in a system call on something else than its standard input, that is, on the node. */
export function untilBlocked(pid: number): Promise<true> {
  // /proc/PID/syscall: the number of the call and its arguments in hexadecimal, or "running" (proc_pid_syscall(5)).
  return until(`${pid} waits at the node`, () =>
    /^\d+ 0x[1-9a-f]/.test(readFileSync(`/proc/${pid}/syscall`, 'latin1')),
  );
}
