// Killing real builds at random moments, in every way a build can be killed, and timing how soon its slots are back.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool, Started } from '../helpers/pool.ts';
import { toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

/** A way to end a build. */
export interface Killing {
  name: string;
  /** The command that becomes the root. */
  command(folder: string): string[];
  /** When the build is ripe for it: as soon as `stint run` was started, or when the build holds slots. */
  when: 'at once' | 'while it holds slots';
  kill(victim: Started): void;
}

const jobs = (make: string) => (folder: string) => [make, '-f', join(folder, 'kill.mk')];
const make43 = jobs(toolPath('make43'));
const make44 = jobs(toolPath('make44'));
const ninja = (folder: string) => [toolPath('ninja'), '--quiet', '-f', join(folder, 'kill.ninja')];

export const KILLINGS: readonly Killing[] = [
  {
    name: 'SIGKILL of the root, make 4.3',
    command: make43,
    when: 'while it holds slots',
    kill: (v) => v.kill('SIGKILL'),
  },
  {
    name: 'SIGKILL of the root, make 4.4',
    command: make44,
    when: 'while it holds slots',
    kill: (v) => v.kill('SIGKILL'),
  },
  { name: 'SIGKILL of the root, ninja', command: ninja, when: 'while it holds slots', kill: (v) => v.kill('SIGKILL') },
  {
    name: 'SIGKILL of the whole tree',
    command: make44,
    when: 'while it holds slots',
    kill: (v) => v.killAll('SIGKILL'),
  },
  { name: 'Ctrl-C of make 4.4', command: make44, when: 'while it holds slots', kill: (v) => v.killAll('SIGINT') },
  { name: 'SIGKILL of stint run at any moment', command: make44, when: 'at once', kill: (v) => v.killAll('SIGKILL') },
];

/** Writes what the commands build: more jobs, and longer ones, than anybody waits for. */
export function writeVictims(folder: string): void {
  const names = Array.from({ length: 20 }, (_, i) => `j${i}`);
  writeFileSync(
    join(folder, 'kill.mk'),
    `all: ${names.join(' ')}\n${names.map((n) => `${n}:\n\t@sleep 5\n`).join('')}`,
  );
  writeFileSync(
    join(folder, 'kill.ninja'),
    `rule job\n  command = sleep 5\n${names.map((name) => `build ${name}: job\n`).join('')}`,
  );
}

/** Starts a build, kills it, and returns how long after that its slots were back, in milliseconds. */
export async function killOnce(
  pool: Pool,
  folder: string,
  killing: Killing,
  random: (n: number) => number,
): Promise<number> {
  const victim = pool.spawnRun(['--', ...killing.command(folder)], { cwd: folder });
  if (killing.when === 'while it holds slots') await pool.untilStatus(({ builds }) => (builds[0]?.held ?? 0) > 0);
  await new Promise((resolve) => setTimeout(resolve, random(killing.when === 'at once' ? 80 : 10)));
  killing.kill(victim);
  const from = performance.now();
  await until(
    'all slots are back',
    async () => {
      const { builds, free, capacity } = await pool.status();
      return builds.length === 0 && free === capacity;
    },
    20_000,
  );
  const took = performance.now() - from;
  victim.killAll('SIGKILL'); // the jobs that a killed make leaves behind
  await victim.ended.catch(() => {});
  assert.deepEqual(pool.fifos(), [], 'its FIFO is gone');
  return took;
}
