// What it costs to keep the pool within what the machine can bear: the processor time of the whole daemon while a build is
// there that does nothing but be looked at. Processes: of the build, all asleep; elsewhere: of nobody's build.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../test/helpers/until.ts';
import { median, spread, table } from './helpers/figures.ts';
import { serve, withPlace } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** How long each round lasts, milliseconds. */
const WATCHED = 8000;
/** Enough for the walks to find their pace, milliseconds. */
const SETTLED = 12_000;

const SCENES = [
  { scene: 'no build', inside: undefined, elsewhere: 0 },
  { scene: 'a build of 1 process', inside: 0, elsewhere: 0 },
  { scene: 'a build of 200 processes', inside: 200, elsewhere: 0 },
  { scene: 'a build of 1000 processes', inside: 1000, elsewhere: 0 },
  { scene: 'a build of 1 process, 1000 elsewhere', inside: 0, elsewhere: 1000 },
] as const;

const rows: string[][] = [];
for (const { scene, inside, elsewhere } of SCENES) {
  await withPlace(async (place) => {
    const daemon = await serve(place, 4);
    const sleepers = (count: number) => [
      '-c',
      `i=0; while [ $i -lt ${count} ]; do sleep 100000 & i=$((i+1)); done; echo all; exec sleep 100000`,
    ];
    const others = place.spawn('sh', sleepers(elsewhere), { deadline: 3_600_000 });
    await until('the others are there', () => others.output.stdout !== '', 60_000);
    if (inside !== undefined) {
      const build = place.spawnRun(['--', 'sh', ...sleepers(inside)], { deadline: 3_600_000 });
      await until('the build is there', () => build.output.stdout !== '', 60_000);
    }
    await pause(SETTLED);
    const shares: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const before = { cpu: used(daemon), at: performance.now() };
      await pause(WATCHED);
      shares.push((100 * (used(daemon) - before.cpu)) / (performance.now() - before.at));
    }
    rows.push([scene, `${spread(shares, 2)} %`, median(shares) < 0.5 ? '< 0.5 met' : '< 0.5 missed']);
  });
}
table(['scene', 'daemon, of one CPU (range)', 'bar'], rows);

/** Processor time of all threads of the process, milliseconds. */
function used(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((tid) => Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]) / 1e6)
    .reduce((sum, one) => sum + one, 0);
}
