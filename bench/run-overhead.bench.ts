// What `stint run` costs before the command: `stint run true` with a running daemon against `node -e 0`, in turns; and the
// launcher alone. The same Node in both, its compile cache filled by earlier rounds.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { STINT } from '../test/helpers/pool.ts';
import { median, spread, table } from './helpers/figures.ts';
import { serve, withPlace } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 61);

await withPlace(async (place) => {
  await serve(place, 4);
  const env = place.env({ XDG_CACHE_HOME: join(place.folder, 'cache') });
  const time = (file: string, ...args: string[]): number => {
    const start = performance.now();
    const { status } = spawnSync(file, args, { env, stdio: 'ignore' });
    if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}`);
    return performance.now() - start;
  };
  const scenes = ['fifo', 'fds', 'auto'].map((style) => ({ style, times: [] as number[] }));
  const node: number[] = [];
  for (let round = -3; round < ROUNDS; round++) {
    const reference = time(process.execPath, '-e', '0');
    const times = scenes.map(({ style }) => time(STINT, 'run', '--style', style, 'true'));
    if (round < 0) continue; // they fill the caches
    node.push(reference);
    for (const [i, value] of times.entries()) scenes[i]?.times.push(value);
  }
  const rows = scenes.map(({ style, times }) => [
    `stint run --style ${style} true`,
    `${median(node).toFixed(1)} ms`,
    `${median(times).toFixed(1)} ms`,
    spread(
      times.map((value, round) => value / (node[round] as number)),
      2,
    ),
  ]);
  table(['command', 'node -e 0', 'stint', 'ratio (range)'], rows);
});
