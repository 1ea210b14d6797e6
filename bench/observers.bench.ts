// What looking on costs those who build: round trips at the file node of one daemon, with and without observers, in turns. The observers
// are a page (`GET /live`), a watcher of events, and a Prometheus that scrapes every second.
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { type Place, STINT } from '../test/helpers/pool.ts';
import { median, spread, table } from './helpers/figures.ts';
import { compile, type Load, type Node, openNode, roundTrips } from './helpers/mounts.ts';
import { withPlace } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 41);
/** Milliseconds. */
const LENGTH = 1000;
/** Round trips with observers, of those without, at the least. */
const BAR = 0.97;

const CASES: readonly Omit<Load, 'length'>[] = [
  { mode: 'block', clients: 8, slots: 4 },
  { mode: 'block', clients: 64, slots: 64 },
  { mode: 'poll', clients: 64, slots: 4 },
];

/** Looks on until what it returns is called. */
function lookOn({ path }: Node): () => void {
  const socketPath = join(dirname(path), 'api.sock');
  const ask = (call: string) => {
    const asked = request({ socketPath, path: call, agent: false }, (response) =>
      response.on('error', () => {}).resume(),
    );
    return asked.on('error', () => {}).end();
  };
  const streams = ['/live', '/events'].map(ask);
  const scrape = setInterval(() => ask('/metrics'), 1000);
  return () => {
    clearInterval(scrape);
    for (const stream of streams) stream.destroy();
  };
}

async function row(place: Place, load: Omit<Load, 'length'>): Promise<string[]> {
  const config = join(place.folder, 'stint.toml');
  writeFileSync(config, '[[client]]\nprogram = "round-trips"\nnode = "file"\nimplicit = false\n');
  const serve = (dir: string, slots: number) => [
    STINT,
    'serve',
    '--config',
    config,
    '--mount',
    dir,
    '--jobs',
    String(slots),
  ];
  const node = await openNode(place, serve, load.slots);
  const speeds: Record<'alone' | 'watched', number[]> = { alone: [], watched: [] };
  try {
    for (let round = -1; round < ROUNDS; round++) {
      const turns = round % 2 === 0 ? (['alone', 'watched'] as const) : (['watched', 'alone'] as const);
      for (const turn of turns) {
        const leave = turn === 'watched' ? lookOn(node) : () => {};
        const { perSecond } = await roundTrips(place, node, { ...load, length: LENGTH });
        leave();
        if (round >= 0) speeds[turn].push(perSecond); // the first warms
      }
    }
  } finally {
    await node.close();
  }
  const ratios = speeds.watched.map((speed, n) => speed / (speeds.alone[n] as number));
  const met = median(ratios) >= BAR ? 'met' : '**missed**';
  const [alone, watched] = [speeds.alone, speeds.watched].map((all) => median(all).toFixed(0)) as [string, string];
  return [`${load.clients}/${load.slots} ${load.mode}`, alone, watched, spread(ratios, 3), `≥ ${BAR} ${met}`];
}

if (process.getuid?.() === 0) {
  compile('round-trips.c');
  const rows: string[][] = [];
  for (const load of CASES) rows.push(await withPlace((place) => row(place, load)));
  table(['clients/slots', 'alone/s', 'watched/s', 'ratio (range)', 'bar'], rows);
} else {
  process.stderr.write('observers: only root can mount: run it as root\n');
  process.exitCode = 1;
}
