// Kills the engine process of a daemon at random moments, and waits for the one that follows it.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Place } from './pool.ts';
import type { Started } from './processes.ts';
import { until } from './until.ts';

/** The engine process of the keeper `pid`, if it has one. */
function engineOf(pid: number): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  return children.find((child) => readFileSync(`/proc/${child}/cmdline`, 'latin1').split('\0').includes('engine'));
}

/** A pool whose daemon the test has started. */
export type Served = Place & { readonly daemon: Started };

export interface Kills {
  /** Ends the killing; returns how often it was done. */
  stop(): Promise<number>;
}

/**
 * Kills the engine again and again, up to `most` milliseconds after it has begun to serve; now and then before that. Each pause, from
 * a kill to the first answer of the API, is added to `pauses`, milliseconds.
 */
export function killEngines(pool: Served, random: (n: number) => number, most: number, pauses: number[] = []): Kills {
  const ending = new AbortController();
  const done = (async () => {
    for (let kills = 0; ; kills++) {
      await pause(random(most), undefined, { signal: ending.signal }).catch(() => {});
      if (ending.signal.aborted) return kills;
      const engine = await until('there is an engine', () => engineOf(pool.daemon.pid));
      const from = performance.now();
      process.kill(engine, 'SIGKILL');
      await until('it is gone', () => engineOf(pool.daemon.pid) !== engine);
      if (random(4) === 0) continue;
      await until('another one serves', () => pool.status());
      pauses.push(performance.now() - from);
    }
  })();
  return {
    stop: () => {
      ending.abort();
      return done;
    },
  };
}

/** Kills the engine, and waits until another one serves. */
export async function killEngine(pool: Served): Promise<void> {
  const engine = await pool.enginePid();
  process.kill(engine, 'SIGKILL');
  await until('another engine serves', async () => (await pool.enginePid()) !== engine);
}
