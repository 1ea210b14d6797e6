// Eight jobs that each take much memory ten seconds after they start, on the real memory, so only where there is plenty of it; what
// memory.test.ts and memory.soak.ts have in common.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { LimitsConfig } from '../../src/core/limits.ts';
import { machineMemory } from '../../src/sensors/memory.ts';
import { serveHere } from '../helpers/daemon.ts';
import { Place } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

export const GIB = 2 ** 30;
export const JOBS = 8;
export const SLOTS = 8;
/** What one job takes, MiB. */
export const EACH = 2048;
/** How many of them fit above the floor, and half of one more. */
export const FIT = 4;

export const available = () => machineMemory()?.available ?? 0;

/** What is to be available: what all jobs take, and some more; GiB. */
const NEEDED = Math.ceil((JOBS * EACH) / 1024) + 2;

const enough =
  available() >= NEEDED * GIB ? undefined : `only ${Math.floor(available() / GIB)} of ${NEEDED} GiB are available`;
export const options = { skip: missing('gcc') || (enough ?? false), timeout: 900_000 };

export class Growth {
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
export async function look(place: Place, floor: number, done: () => boolean): Promise<Seen> {
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

/** Memory that a process has, bytes. */
function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

export const size = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
