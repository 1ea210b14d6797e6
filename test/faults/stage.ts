// A daemon with points (points.ts) and everything that clients do with it in one round: at the file node, at a pipe, make, a lease.
// After each round nothing may have gone wrong for any of them, and all slots must be back.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startMachine } from '../helpers/machine.ts';
import { type Place, SOURCES, type Started, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';
import { decodePlan, encodePlan, type Plan, SIZE } from './plan.ts';

const SLOTS = 3;
const ROUNDS = 6;
const PATIENCE = 60_000;
/** Anything on standard error but that `stint run` waits. */
const COMPLAINT = /^(?!stint: waiting for )./m;

const MAKEFILE = 'all: 1 2 3 4 5\n1 2 3 4 5:\n\t@$(CLIENT) job $(LOG)\n';

export class Stage {
  readonly place: Place;
  readonly daemon: Started;
  /** The node of the machine; undefined: it is the pool of a user. */
  readonly node: string | undefined;
  readonly #plan: string;
  readonly #log: string;

  constructor(place: Place & { daemon: Started; node?: string }, { plan, log }: { plan: string; log: string }) {
    this.place = place;
    this.daemon = place.daemon;
    this.node = place.node;
    this.#plan = plan;
    this.#log = log;
  }

  /** From now on the daemon does this at its next opportunity. */
  arm(plan: Plan): void {
    writeFileSync(`${this.#plan}.seen`, '');
    writeFileSync(this.#plan, encodePlan(plan), { flag: 'r+' });
  }

  /** It does nothing any more. True when it had nothing left to do. */
  disarm(): boolean {
    const done = decodePlan(readFileSync(this.#plan, 'latin1')) === undefined;
    writeFileSync(this.#plan, ' '.repeat(SIZE), { flag: 'r+' });
    return done;
  }

  /** The points that `role` has come by since it was told to record them, by process. */
  seen(): Map<number, string[]> {
    const found = new Map<number, string[]>();
    for (const line of readFileSync(`${this.#plan}.seen`, 'utf8').split('\n').slice(0, -1)) {
      const [pid, point] = line.split(' ') as [string, string];
      found.set(Number(pid), [...(found.get(Number(pid)) ?? []), point]);
    }
    return found;
  }

  /** Starts all clients of one round. */
  begin(): Started[] {
    writeFileSync(this.#log, '');
    const { place, node } = this;
    const run = (...args: string[]) => place.spawnRun(args, { deadline: PATIENCE });
    const client = (kind: string) => join(place.folder, `client-${kind}`);
    const env = { CLIENT: client('file'), LOG: this.#log };
    const all = [
      place.spawnRun(['--', 'make', '-f', join(place.folder, 'Makefile')], { env, deadline: PATIENCE }),
      run('--slots', '1..2', '--', client('file'), 'job', this.#log),
    ];
    if (node === undefined) {
      const own = (mode: string) =>
        run('--', 'sh', '-c', `exec ${client('pipe')} ${mode} $STINT_FIFO ${this.#log} ${ROUNDS}`);
      return [...all, own('block'), own('poll')];
    }
    const at = (kind: string, mode: string) =>
      place.spawn(client(kind), [mode, node, this.#log, String(ROUNDS)], { deadline: PATIENCE });
    return [
      ...all,
      at('file', 'block'),
      at('file', 'poll'),
      at('file', 'die'),
      at('pipe', 'block'),
      at('pipe', 'poll'),
    ];
  }

  /** Waits until the first client of a round has begun to work. */
  async untilBegun(): Promise<void> {
    await until('a client works', () => readFileSync(this.#log, 'utf8') !== '', PATIENCE);
  }

  /** Waits until a round is over, and finds that nothing was lost or doubled. */
  async end(clients: readonly Started[], { strict = true }: { strict?: boolean } = {}): Promise<void> {
    const results = await Promise.all(clients.map(({ ended }) => ended));
    if (strict) {
      for (const { code, signal, stderr } of results)
        assert.ok(
          (code === 0 || signal === 'SIGKILL') && COMPLAINT.test(stderr) === false,
          `a client failed: ${code} ${stderr}`,
        );
      assert.equal(results.filter(({ signal }) => signal !== null).length, this.node === undefined ? 0 : 1);
    }
    const { free, capacity, surplus } = await this.place.untilIdle(PATIENCE);
    assert.deepEqual({ free, capacity, surplus }, { free: SLOTS, capacity: SLOTS, surplus: 0 });
    assert.ok(peakOf(readFileSync(this.#log, 'utf8')) <= SLOTS, 'no more jobs at once than there are slots');
    assert.equal(this.daemon.child.exitCode, null);
  }

  /** Ends the daemon. */
  async close(): Promise<void> {
    this.daemon.kill('SIGTERM');
    assert.equal((await this.daemon.ended).code, 0);
  }
}

/** A daemon of the machine, or of a user, with points. */
export async function openStage(t: TestContext, { system }: { system: boolean }): Promise<Stage> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'stint-faults-'));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const plan = join(folder, 'plan');
  writeFileSync(plan, ' '.repeat(SIZE));
  writeFileSync(`${plan}.seen`, '');
  const node = join(folder, 'node');
  const preload = join(import.meta.dirname, 'preload.ts');
  writeFileSync(node, `#!/bin/sh\nexec '${process.execPath}' --import '${preload}' "$@"\n`, { mode: 0o755 });
  const env = { STINT_NODE: node, TEST_FAULTS: plan };
  const config = join(folder, 'stint.toml');
  writeFileSync(
    config,
    ['file', 'pipe']
      .map((kind) => `[[client]]\nprogram = "client-${kind}"\nnode = "${kind}"\nimplicit = false\n`)
      .join(''),
  );
  const place = system
    ? await startMachine(t, SLOTS, { stint: SOURCES, env, args: ['--config', config] })
    : await startPool(t, SLOTS, { stint: SOURCES, env });
  const binary = join(place.folder, 'client-file');
  execFileSync('cc', ['-O1', '-o', binary, join(import.meta.dirname, 'client.c')]);
  copyFileSync(binary, join(place.folder, 'client-pipe'));
  writeFileSync(join(place.folder, 'Makefile'), MAKEFILE);
  return new Stage(place, { plan, log: join(place.folder, 'log') });
}

/** The most jobs at once, by the lines that clients have written. */
function peakOf(log: string): number {
  const events = log
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ sign: line[0], at: BigInt(line.slice(2)) }));
  events.sort((a, b) => Number(a.at - b.at));
  let now = 0;
  let peak = 0;
  for (const { sign } of events) {
    now += sign === '+' ? 1 : -1;
    peak = Math.max(peak, now);
  }
  return peak;
}
