// What is installed: how large it is, and how soon it answers, in turns with `node -e 0` of the same Node. `stint serve` is ready when
// it says so, after which it is stopped; caches are filled by earlier rounds. Bars: `stint --version` at most 1.5 times `node -e 0`,
// `stint serve` ready in less than 500 ms on a quiet machine.
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { noMachine } from '../test/helpers/machine.ts';
import { type Place, STINT, untilServes } from '../test/helpers/pool.ts';
import { median, spread, table } from './helpers/figures.ts';
import { withPlace } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 21);
const ROOT = join(import.meta.dirname, '..');
const INSTALL = join(ROOT, 'packaging/install.sh');

interface Scene {
  what: string;
  bar: string;
  met(times: readonly number[], ratios: readonly number[]): boolean;
  run(place: Place): Promise<number> | number;
}

const since = (begun: number): number => performance.now() - begun;

function once(place: Place, file: string, ...args: string[]): number {
  const begun = performance.now();
  const env = place.env({ XDG_CACHE_HOME: join(place.folder, 'cache') });
  const { status } = spawnSync(file, args, { env, stdio: 'ignore' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}`);
  return since(begun);
}

async function serving(place: Place, ...args: string[]): Promise<number> {
  const begun = performance.now();
  const daemon = place.start(['serve', ...args], { env: { XDG_CACHE_HOME: join(place.folder, 'cache') } });
  await untilServes(daemon);
  const took = since(begun);
  daemon.kill('SIGTERM');
  await daemon.ended;
  return took;
}

const SCENES: Scene[] = [
  {
    what: 'stint --version',
    bar: '≤ 1.5 times',
    met: (_, ratios) => median(ratios) <= 1.5,
    run: (place) => once(place, STINT, '--version'),
  },
  ...[
    { what: 'stint serve --user', args: () => ['--user'] },
    ...(noMachine() === undefined ? [{ what: 'stint serve', args: (place: Place) => ['--mount', place.mount] }] : []),
  ].map(({ what, args }) => ({
    what: `${what}, until it is ready`,
    bar: '< 500 ms',
    met: (times: readonly number[]) => median(times) < 500,
    run: (place: Place) => serving(place, ...args(place)),
  })),
];

await withPlace(async (place) => {
  const node: number[] = [];
  const times = SCENES.map(() => [] as number[]);
  for (let round = -2; round < ROUNDS; round++) {
    const reference = once(place, process.execPath, '-e', '0');
    if (round >= 0) node.push(reference);
    for (const [at, { run }] of SCENES.entries()) {
      const took = await run(place);
      if (round >= 0) times[at]?.push(took);
    }
  }
  table(
    ['what', 'node -e 0', 'time', 'ratio (range)', 'bar'],
    SCENES.map(({ what, bar, met }, at) => {
      const own = times[at] as number[];
      const ratios = own.map((value, round) => value / (node[round] as number));
      const verdict = `${bar} ${met(own, ratios) ? 'met' : 'MISSED'}`;
      return [what, `${median(node).toFixed(0)} ms`, `${median(own).toFixed(0)} ms`, spread(ratios, 2), verdict];
    }),
  );
  const size = (name: string, env: Record<string, string>): string[] => {
    const to = join(place.folder, name);
    execFileSync(INSTALL, { env: { PATH: process.env.PATH, DESTDIR: to, PREFIX: '/usr', ...env } });
    const files = globSync('usr/lib/stint/**', { cwd: to }).map((file) => statSync(join(to, file)));
    const bytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
    return [name, `${(bytes / 2 ** 20).toFixed(1)} MiB`];
  };
  process.stdout.write('\n');
  table(
    ['installed', 'size of lib/stint'],
    [size('with the Node of the machine', {}), size('with a Node of its own', { WITH_NODE: process.execPath })],
  );
});
