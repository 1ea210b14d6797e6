// What `stint top` costs beside a pool of 200 builds with 2,000 clients, all of which change at each look: the time until its first
// picture against `node -e 0`, in turns; what it takes of one processor; and what it writes. The pool is a server of its status alone.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { serveApi } from '../src/api/server.ts';
import { buildOf, clientOf, poolOf } from '../test/cli/top/pools.ts';
import { play, type Step } from '../test/helpers/full-screen.ts';
import { type Place, STINT } from '../test/helpers/pool.ts';
import { median, spread, table } from './helpers/figures.ts';
import { withPlace } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15);
/** Seconds that it is watched. */
const SECONDS = 10;
const BUILDS = 200;
const CLIENTS = 10;

let looks = 0;

/** The pool as it is at the next look. */
function pool() {
  looks++;
  const builds = Array.from({ length: BUILDS }, (_, n) =>
    buildOf({
      id: n + 1,
      label: `make project-${n}`,
      held: (n * 7 + looks * (1 + (n % 3))) % 9,
      waiting: (n + looks) % 3,
      since: Date.now() - 1000 * n,
      clients: Array.from({ length: CLIENTS }, (_, m) =>
        clientOf({ pid: 10_000 + n * CLIENTS + m, program: 'make', held: (m + looks) % 2, waiting: m % 2 }),
      ),
    }),
  );
  return poolOf(builds, { capacity: 1024 });
}

async function watched(place: Place, size: [number, number], steps: readonly Step[]) {
  const env = { XDG_CACHE_HOME: join(place.folder, 'cache') };
  return play(place, [STINT, 'top'], [{ size }, { see: 'q quit' }, ...steps, { type: 'q' }], env);
}

await withPlace(async (place) => {
  mkdirSync(place.dir, { mode: 0o700 });
  const server = await serveApi(place.socket, '0.1.0', [{ method: 'GET', path: '/status', answer: pool }]);
  const node: number[] = [];
  const first: number[] = [];
  const start: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const begun = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    const reference = performance.now() - begun;
    const seen = await watched(place, [80, 24], []);
    if (round < 0) continue; // they fill the caches
    node.push(reference);
    first.push(seen.first);
    start.push(seen.cpu);
  }
  const ratios = first.map((value, round) => value / (node[round] as number));
  const head = [`${median(node).toFixed(0)} ms`, `${median(first).toFixed(0)} ms`, spread(ratios, 2)];
  table(['node -e 0', 'until the first picture', 'ratio (range)'], [head]);
  process.stdout.write('\n');
  const rows: string[][] = [];
  for (const size of [
    [80, 24],
    [200, 60],
  ] as [number, number][]) {
    const { cpu, bytes } = await watched(place, size, [{ idle: SECONDS }, { see: 'q quit' }]);
    const [picture = 0, later = 0] = bytes;
    rows.push([
      size.join(' × '),
      `${((cpu - median(start)) / (SECONDS * 10)).toFixed(1)} %`,
      String(picture),
      (later / SECONDS).toFixed(0),
    ]);
  }
  table(['columns × rows', 'of one processor', 'bytes of the first picture', 'bytes a second'], rows);
  server.close();
});
