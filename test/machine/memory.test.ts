// Eight jobs that each take much memory ten seconds after they start: with look-ahead no more are let in than fit, without it
// the memory runs short. On the real memory, so only where there is plenty of it. STINT_JOB_MIB says how much a job takes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { LimitsConfig } from '../../src/core/limits.ts';
import { machineMemory } from '../../src/sensors/memory.ts';
import { serveHere } from '../helpers/daemon.ts';
import { Place } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const GIB = 2 ** 30;
const JOBS = 8;
const SLOTS = 8;
/** What one job takes, MiB. */
const EACH = Number(process.env.STINT_JOB_MIB ?? 1024);
/** How many of them fit above the floor, and half of one more. */
const FIT = 4;

const available = () => machineMemory()?.available ?? 0;

/** What is to be available: what all jobs take, and some more; GiB. */
const NEEDED = Math.ceil((JOBS * EACH) / 1024) + 2;

const enough =
  available() >= NEEDED * GIB ? undefined : `only ${Math.floor(available() / GIB)} of ${NEEDED} GiB are available`;
const options = { skip: missing('gcc') || (enough ?? false), timeout: 900_000 };

class Growth {
  readonly place: Place;
  readonly #grow: string;

  constructor(t: TestContext) {
    this.place = new Place(t);
    this.#grow = join(this.place.folder, 'grow');
    execFileSync('cc', ['-O1', '-o', this.#grow, join(import.meta.dirname, 'grow.c')]);
  }

  /** The command of a job that waits, grows, and stays so for a while; milliseconds. */
  job(delay: number, stay: number): string[] {
    return [this.#grow, String(EACH), String(delay), String(stay)];
  }

  serve(limits: Partial<LimitsConfig>) {
    return serveHere(this.place, { capacity: SLOTS, limits });
  }

  /**
   * What is available while so many jobs have all their memory, and half of one more has. It is tried out, not reckoned: on a
   * virtual machine what is available need not fall by all that is taken.
   */
  async floor(): Promise<number> {
    const bytes = (FIT + 0.5) * EACH * 2 ** 20;
    const filler = this.place.spawn(this.#grow, [String(bytes / 2 ** 20), '0', '120000'], { deadline: 120_000 });
    await until('the memory is taken', () => residentOf(filler.pid) >= bytes, 90_000);
    const floor = available();
    filler.kill('SIGKILL');
    await filler.ended;
    return floor;
  }

  /** One job alone, from which is learned what such a job needs, by a daemon of its own. */
  async learn(label: string): Promise<void> {
    const daemon = await this.serve({});
    const { code, stderr } = await this.place.run(['--label', label, '--', ...this.job(1000, 2500)], {
      deadline: 120_000,
    });
    assert.equal(code, 0, stderr);
    assert.equal((await this.place.run(['--label', 'small', '--', 'sleep', '2'])).code, 0);
    daemon.stop();
    await daemon.done;
  }
}

interface Seen {
  /** The least that was available above the floor, bytes. */
  least: number;
  /** Most slots in use. */
  peak: number;
  limits: { at: number; limit: number }[];
  reasons: Set<string>;
}

/** Looks at memory and pool ten times a second until `done`. */
async function look(place: Place, floor: number, done: () => boolean): Promise<Seen> {
  const seen: Seen = { least: Number.POSITIVE_INFINITY, peak: 0, limits: [], reasons: new Set() };
  while (!done()) {
    seen.least = Math.min(seen.least, available() - floor);
    const { capacity, free, limit, limits } = await place.status();
    seen.peak = Math.max(seen.peak, capacity - free);
    seen.limits.push({ at: performance.now(), limit });
    for (const { reason } of limits) seen.reasons.add(reason);
    await pause(100);
  }
  return seen;
}

test(
  'after a learning run no more builds start than fit, and memory never falls below the floor',
  options,
  async (t) => {
    const growth = new Growth(t);
    const { place } = growth;
    await growth.learn('grow');
    const floor = await growth.floor();
    const daemon = await growth.serve({ minMemory: { bytes: floor } });
    let running = JOBS;
    const runs = Array.from({ length: JOBS }, async () => {
      const { code, stderr } = await place.run(['--label', 'grow', '--', ...growth.job(10_000, 3000)], {
        deadline: 600_000,
      });
      running--;
      assert.equal(code, 0, stderr);
    });
    const seen = await look(place, floor, () => running === 0);
    await Promise.all(runs);
    daemon.stop();
    await daemon.done;
    t.diagnostic(`at most ${seen.peak} at once; at least ${(seen.least / GIB).toFixed(1)} GiB above the floor`);
    t.diagnostic([...seen.reasons][0] ?? '');
    assert.ok(seen.peak <= FIT, `${seen.peak} ran at once`);
    assert.ok(seen.least >= 0, `the memory was short by ${size(-seen.least)}`);
    const expected = /each job of grow is expected to need (\d\.\d) GiB/.exec([...seen.reasons].join('\n'))?.[1];
    assert.ok(Math.abs(Number(expected) * 1024 - EACH) < 0.1 * EACH, `${expected} GiB are expected`);
  },
);

test('the jobs of one make are let in as they fit, and slots come back on the ramp', options, async (t) => {
  const growth = new Growth(t);
  const { place } = growth;
  await growth.learn('grow');
  const floor = await growth.floor();
  const ramp = 0.5;
  const daemon = await growth.serve({ minMemory: { bytes: floor }, ramp });
  const targets = Array.from({ length: JOBS }, (_, i) => `job${i}`);
  const rules = `all: ${targets.join(' ')}\n${targets.join(' ')}:\n\t@${growth.job(10_000, 3000).join(' ')}\n`;
  const make = place.shell(`printf '%s' "$RULES" >Makefile; exec "$STINT" run --label grow -- make all`, {
    env: { RULES: rules },
    deadline: 600_000,
  });
  // Beside it, a build whose jobs need nothing: when the make has ended, all slots can come back.
  let made = false;
  const rest = make.then(async ({ code, stderr }) => {
    assert.equal(code, 0, stderr);
    made = true;
  });
  const small = place.spawnRun(['--label', 'small', '--', 'sleep', '1000'], { deadline: 900_000 });
  const during = await look(place, floor, () => made);
  await rest;
  const after = await look(place, floor, untilLimit(place, SLOTS));
  small.kill('SIGTERM');
  await small.ended;
  daemon.stop();
  await daemon.done;
  t.diagnostic(`at most ${during.peak} at once; at least ${(during.least / GIB).toFixed(1)} GiB above the floor`);
  assert.ok(during.peak <= FIT + 1, `${during.peak} ran at once`); // and the small one
  assert.ok(during.least >= 0, `the memory was short by ${size(-during.least)}`);
  const rise = after.limits.map(({ limit }) => limit);
  assert.ok((rise[0] as number) < SLOTS, 'not all slots come back at once');
  for (const [i, { at, limit }] of after.limits.entries()) {
    for (const earlier of after.limits.slice(0, i)) {
      const most = earlier.limit + 1 + (ramp * (at - earlier.at + 1500)) / 1000;
      assert.ok(limit <= most, `${earlier.limit} slots became ${limit} in ${Math.round(at - earlier.at)} ms`);
    }
  }
});

test('without look-ahead all start at once, and memory falls below the floor', options, async (t) => {
  const growth = new Growth(t);
  const { place } = growth;
  await growth.learn('grow');
  const floor = await growth.floor();
  const daemon = await growth.serve({ minMemory: { bytes: floor }, memoryLookAhead: false });
  const runs = Array.from({ length: JOBS }, () =>
    place.spawnRun(['--label', 'grow', '--', ...growth.job(10_000, 60_000)], { deadline: 600_000 }),
  );
  await until('memory is short', () => available() < floor, 300_000);
  const { limits } = await place.status();
  assert.match(limits.map(({ reason }) => reason).join('\n'), /^$|below the floor/);
  for (const run of runs) run.kill('SIGKILL');
  await Promise.all(runs.map(({ ended }) => ended));
  daemon.stop();
  await daemon.done;
});

/** Memory that a process has, bytes. */
function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** True as soon as the limit was once found to be `slots`. */
function untilLimit(place: Place, slots: number): () => boolean {
  let there = false;
  void place.untilStatus(({ limit }) => limit === slots, 120_000).then(() => (there = true));
  return () => there;
}

const size = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
