// The file node against a small C server on libfuse that does the same accounting (reference/fuse-server.c), in turns. Clients
// take a slot and return it as fast as they can; all of them and the server share one processor. `block`: a read that waits;
// `poll`: a read that does not, and poll(2), where the C server wakes all who wait. p99: of single round trips, in
// microseconds. `plain C`: the C server without the flag by which writes go side by side, as libfuse 3.14 sets it up; in the other
// rows that flag is set by hand. Share: what the client that got least got of what the one got that got most. A plain FIFO for scale.
//
//   node bench/file.bench.ts --case 64/4                               only cases whose name holds this
//   node bench/file.bench.ts --self                                    the C server against itself: the noise
//   node bench/file.bench.ts --alone 64/4 --seconds 10 --profile DIR   stint alone; its processor profile into DIR
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Place, STINT } from '../test/helpers/pool.ts';
import { median, spread, table } from './helpers/figures.ts';
import {
  closeAll,
  compile,
  fuseFlags,
  type Load,
  type Node,
  openNode,
  roundTrips,
  type Server,
  type Trips,
} from './helpers/mounts.ts';
import { plainFifo, withPlace } from './helpers/pool.ts';
import { rooms } from './helpers/profile.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
/** Milliseconds. */
const LENGTH = 1000;

interface Case extends Omit<Load, 'length'> {
  name: string;
  /** Round trips of stint for one of the C server, at the least; undefined: for information. */
  bar?: number;
  /** Against the C server as libfuse sets it up: writes to the file wait for each other. */
  plain?: boolean;
}

/** Cases that are run once more under the profiler. */
const PROFILED = ['1/1 block', '64/4 block', '64/4 poll'];

/** The p99 of stint for that of the C server, at the most. */
const LATENCY_BAR = 2;

const CASES: readonly Case[] = [
  { name: '1/1 block', mode: 'block', clients: 1, slots: 1, bar: 0.85 },
  { name: '8/64 block', mode: 'block', clients: 8, slots: 64, bar: 0.85 },
  { name: '8/4 block', mode: 'block', clients: 8, slots: 4, bar: 0.85 },
  { name: '64/64 block', mode: 'block', clients: 64, slots: 64, bar: 0.8 },
  { name: '64/4 block', mode: 'block', clients: 64, slots: 4, bar: 0.8 },
  { name: '64/4 poll', mode: 'poll', clients: 64, slots: 4 },
  { name: '64/4 poll, plain C', mode: 'poll', clients: 64, slots: 4, plain: true, bar: 5 },
];

const { values: options } = parseArgs({
  options: {
    case: { type: 'string' },
    self: { type: 'boolean', default: false },
    alone: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    profile: { type: 'string' },
  },
});

async function main(): Promise<void> {
  compile('round-trips.c');
  const { alone, self } = options;
  if (alone !== undefined) {
    for (const scene of named(alone)) await withPlace((place) => runAlone(place, scene, { folder: options.profile }));
    return;
  }
  const program = compile('reference/fuse-server.c', ...fuseFlags().split(' '));
  const rows: string[][] = [];
  for (const scene of named(options.case ?? '')) {
    const reference: ServerIn = () => (dir, slots) => [program, dir, String(slots), ...(scene.plain ? ['plain'] : [])];
    rows.push(await withPlace((place) => compare(place, scene, [reference, self ? reference : stint])));
  }
  const ours = self ? 'C again' : 'stint';
  const speeds = ['FIFO/s', 'C/s', `${ours}/s`, 'ratio (range)', 'bar'];
  const latencies = ['p99 C', `p99 ${ours}`, 'ratio (range)', 'bar'];
  table(['clients/slots', ...speeds, ...latencies, 'share C', `share ${ours}`], rows);
  if (self || options.case !== undefined) return;
  process.stdout.write("\nWhere the time of the engine's thread goes, in runs under the profiler:\n\n");
  const profiles: string[][] = [];
  for (const scene of CASES.filter(({ name }) => PROFILED.includes(name))) {
    await withPlace(async (place) => {
      const folder = join(place.folder, 'profile');
      await runAlone(place, scene, { folder, quiet: true });
      for (const [room, share] of rooms(folder)) profiles.push([scene.name, room, `${(100 * share).toFixed(1)} %`]);
    });
  }
  table(['clients/slots', 'where', 'share'], profiles);
}

type ServerIn = (place: Place) => Server;

const stint: ServerIn = (place) => (dir, slots) => [STINT, ...serve(place, dir, slots)];

/** The engine under the profiler. The launcher is left out: it hides Node's options from stint. */
const profiled =
  (folder: string): ServerIn =>
  (place) =>
  (dir, slots) => {
    const main = join(import.meta.dirname, '../src/main.ts');
    return [process.execPath, '--cpu-prof', `--cpu-prof-dir=${resolve(folder)}`, main, ...serve(place, dir, slots)];
  };

/** The clients are no program that stint knows: it would give them a pipe, and charge a slot for a job without a token. */
function serve(place: Place, dir: string, slots: number): string[] {
  const config = join(place.folder, 'stint.toml');
  writeFileSync(config, '[[client]]\nprogram = "round-trips"\nnode = "file"\nimplicit = false\n');
  return ['serve', '--config', config, '--mount', dir, '--jobs', String(slots)];
}

async function runAlone(
  place: Place,
  scene: Case,
  { folder, quiet = false }: { folder: string | undefined; quiet?: boolean },
): Promise<void> {
  const node = await openNode(place, (folder === undefined ? stint : profiled(folder))(place), scene.slots);
  try {
    const trips = await roundTrips(place, node, { ...scene, length: Number(options.seconds) * 1000 });
    if (!quiet) process.stdout.write(`${scene.name}: ${JSON.stringify(trips)}\n`);
  } finally {
    await node.close();
  }
}

async function compare(place: Place, scene: Case, servers: readonly ServerIn[]): Promise<string[]> {
  const fifo = plainFifo(scene.slots);
  const nodes: Node[] = [{ kind: 'fifo', path: fifo.path, close: async () => fifo.close() }];
  try {
    for (const server of servers) nodes.push(await openNode(place, server(place), scene.slots));
    const trips = nodes.map((node) => ({ node, all: [] as Trips[] }));
    for (let round = -1; round < ROUNDS; round++) {
      const turn = round % 2 === 0 ? trips : trips.toReversed();
      for (const { node, all } of turn) {
        const one = await roundTrips(place, node, { ...scene, length: LENGTH });
        if (round >= 0) all.push(one); // the first warms
      }
    }
    const [plain, reference, ours] = trips.map(({ all }) => all) as [Trips[], Trips[], Trips[]];
    return row(scene, plain, { reference, ours });
  } finally {
    await closeAll(nodes);
  }
}

function row(scene: Case, plain: Trips[], { reference, ours }: { reference: Trips[]; ours: Trips[] }): string[] {
  const middle = (all: Trips[], figure: keyof Trips) => median(all.map((trips) => trips[figure]));
  const ratios = (figure: keyof Trips) => ours.map((trips, i) => trips[figure] / (reference[i] as Trips)[figure]);
  const speed = ratios('perSecond');
  const latency = ratios('p99');
  const bar = (text: string, holds: boolean) => `${text} ${holds ? 'met' : '**missed**'}`;
  return [
    scene.name,
    ...[plain, reference, ours].map((all) => middle(all, 'perSecond').toFixed(0)),
    spread(speed, 2),
    scene.bar === undefined ? '-' : bar(`≥ ${scene.bar}`, median(speed) >= scene.bar),
    ...[reference, ours].map((all) => middle(all, 'p99').toFixed(0)),
    spread(latency, 2),
    bar(`≤ ${LATENCY_BAR}`, median(latency) <= LATENCY_BAR),
    ...[reference, ours].map((all) => middle(all, 'share').toFixed(2)),
  ];
}

function named(part: string): readonly Case[] {
  const found = CASES.filter(({ name }) => name.includes(part));
  if (found.length === 0) throw new Error(`no case is called ${part}: ${CASES.map(({ name }) => name).join(', ')}`);
  return found;
}

/** Why nothing can be measured here, in one line; undefined when it can. */
function unfit(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can mount: run it as root';
  if (fuseFlags() === '') return 'no libfuse 3 to compile the reference with: apt-get install libfuse3-dev pkg-config';
  return undefined;
}

const reason = unfit();
if (reason === undefined) await main();
else {
  process.stderr.write(`file: ${reason}\n`);
  process.exitCode = 1;
}
