// What it is worth to start as many pytest workers as there are slots, instead of eight that wait for each other's tokens. A
// suite that takes 1 s of processor time to import, in each worker, and has 16 tests of 0.2 s; a pool of two slots. `tokens`:
// pytest -n 8 with pytest-jobserver, on a plain FIFO with one token beside the job that needs none, and on a pool of stint's.
// `lease`: stint run --slots 1..8 -- pytest -n {slots}; `stint test`: the same by itself. `-n 2`: no pool at all. By turns, three rounds; BENCH_ROUNDS=N: so many.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, SpawnOptions } from '../test/helpers/pool.ts';
import { toolPath } from '../test/helpers/toolchain.ts';
import { quantile, spread, table } from './helpers/figures.ts';
import { plainFifo, serve, withPlace } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SLOTS = 2;
/** How many times as fast as with tokens, and how much longer than without a pool, `stint test` may be in the median. */
const BAR = 3;
const COST = 1.1;

const SUITE = `import time
import pytest
def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
work(1)
@pytest.mark.parametrize("n", range(16))
def test_work(n):
    work(0.2)
`;
const PYTEST = [toolPath('pytest'), '-q', '-p', 'no:cacheprovider'];
const PLAIN = ['-p', 'no:jobserver'];

/** Seconds that a command takes. */
async function timed(
  place: Place,
  file: string,
  args: readonly string[],
  env: SpawnOptions['env'] = {},
): Promise<number> {
  const began = performance.now();
  const { code, stdout, stderr } = await place.spawn(file, args, { env, deadline: 600_000 }).ended;
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} failed: ${stdout}${stderr}`);
  return (performance.now() - began) / 1000;
}

await withPlace(async (place) => {
  await serve(place, SLOTS);
  writeFileSync(join(place.folder, 'test_work.py'), SUITE);
  const stint = join(import.meta.dirname, '../dist/bin/stint');
  const python = join(toolPath('pytest'), '../python');
  const [pytest, ...quiet] = PYTEST as [string, ...string[]];
  const fifo = plainFifo(SLOTS - 1);
  const makeflags = { MAKEFLAGS: ` -j${SLOTS} --jobserver-auth=fifo:${fifo.path}` };
  const ways: Record<string, () => Promise<number>> = {
    '-n 2': () => timed(place, pytest, [...quiet, ...PLAIN, '-n', '2']),
    'tokens, plain FIFO': () => timed(place, pytest, [...quiet, '-n', '8'], makeflags),
    'tokens, stint': () => timed(place, stint, ['run', '--style', 'fifo', '--', ...PYTEST, '-n', '8']),
    lease: () => timed(place, stint, ['run', '--slots', '1..8', '--', ...PYTEST, ...PLAIN, '-n', '{slots}']),
    'stint test': () => timed(place, stint, ['test', '--python', python, '--xdist', '--jobs', '8', '--', '-q']),
  };
  const times = new Map(Object.keys(ways).map((name): [string, number[]] => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(ways)) times.get(name)?.push(await run());
  }
  fifo.close();
  const own = times.get('stint test') as number[];
  const rows = [...times].map(([name, all]) => {
    const ratios = all.map((time, round) => time / (own[round] as number));
    return [name, spread(all, 1), spread(ratios, 2), barOf(name, quantile(ratios, 0.5))];
  });
  table(['way', 'seconds', 'times as long as stint test', 'bar'], rows);
});

function barOf(name: string, ratio: number): string {
  const said = (bar: string, met: boolean) => `${bar} ${met ? 'met' : '**missed**'}`;
  if (name.startsWith('tokens')) return said(`≥ ${BAR}`, ratio >= BAR);
  return name === '-n 2' ? said(`≥ ${(1 / COST).toFixed(2)}`, ratio >= 1 / COST) : '-';
}
