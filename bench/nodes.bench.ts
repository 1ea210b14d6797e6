// Which kind of node serves which client best: real make 4.4, ninja 1.13 and ctest under `stint run` on the machine's pool, with
// jobs of 10 to 60 ms, and each kind of node forced by the configuration. In turns, with the same jobs, on a plain FIFO that
// nobody watches; it holds as many tokens less as there are builds, for each build runs one job without a token, and stint
// charges that one: so both allow as many jobs at once as there are slots, as long as all builds run. Makespan: from the first
// job's begin to the last one's end. Running: jobs at once on average while every build runs. Least/most: the shares of these
// of the build that had least and of the one that had most; 1 is fair. Shares: of each build.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { buildTracer } from '../test/clients/projects.ts';
import { type Machine, noMachine, startMachine } from '../test/helpers/machine.ts';
import { temporaryFolder } from '../test/helpers/temporary.ts';
import { missing } from '../test/helpers/toolchain.ts';
import { type Course, readCourse, type Tool, type Work, writeBuilds } from './helpers/builds.ts';
import { median, spread, table } from './helpers/figures.ts';
import { cpuTime, plainFifo } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 4);
/** Before everything else on the machine: what is compared are nodes, not what others do meanwhile. */
const PRIORITY = -15;
/** Milliseconds. */
const PATIENCE = 60_000;

type Kinds = Partial<Record<Tool, 'file' | 'pipe' | 'split'>>;

interface Scene {
  name: string;
  tools: readonly Tool[];
  slots: number;
  /** Jobs of each build. */
  jobs: number;
  kinds: readonly Kinds[];
}

const MAKE: readonly Kinds[] = [{ make: 'file' }, { make: 'pipe' }, { make: 'split' }];
const NINJA: readonly Kinds[] = [{ ninja: 'pipe' }, { ninja: 'split' }];
const BOTH: readonly Kinds[] = [
  { make: 'file', ninja: 'pipe' },
  { make: 'file', ninja: 'split' },
  { make: 'pipe', ninja: 'pipe' },
];

const SCENES: readonly Scene[] = [
  { name: 'make', tools: ['make'], slots: 4, jobs: 120, kinds: MAKE },
  { name: 'ninja', tools: ['ninja'], slots: 4, jobs: 120, kinds: NINJA },
  { name: 'ctest', tools: ['ctest'], slots: 4, jobs: 120, kinds: [{ ctest: 'file' }, { ctest: 'pipe' }] },
  { name: '3 × make', tools: ['make', 'make', 'make'], slots: 4, jobs: 70, kinds: MAKE },
  { name: '3 × ninja', tools: ['ninja', 'ninja', 'ninja'], slots: 4, jobs: 70, kinds: NINJA },
  { name: 'make, ninja, make', tools: ['make', 'ninja', 'make'], slots: 4, jobs: 70, kinds: BOTH.slice(0, 2) },
  { name: 'make, ninja, make', tools: ['make', 'ninja', 'make'], slots: 8, jobs: 120, kinds: BOTH },
];

/** The daemons: the first that has the slots and all kinds of a scene serves it. */
const SERVERS: readonly (Required<Kinds> & { slots: number })[] = [
  { slots: 4, make: 'file', ninja: 'pipe', ctest: 'file' },
  { slots: 4, make: 'file', ninja: 'split', ctest: 'pipe' },
  { slots: 4, make: 'pipe', ninja: 'pipe', ctest: 'pipe' },
  { slots: 4, make: 'split', ninja: 'split', ctest: 'pipe' },
  { slots: 8, make: 'file', ninja: 'pipe', ctest: 'file' },
  { slots: 8, make: 'file', ninja: 'split', ctest: 'file' },
  { slots: 8, make: 'pipe', ninja: 'pipe', ctest: 'pipe' },
];

/** The daemon's share of a processor, in percent, comes with the course on a machine. */
type Run = Course & { cpu?: number };

const ends: (() => Promise<void> | void)[] = [];
const finish = async () => {
  for (const end of ends.splice(0)) await end();
};

async function main(): Promise<void> {
  const machines: Machine[] = [];
  for (const server of SERVERS) machines.push(await serve(server));
  const { folder } = machines[0] as Machine;
  const workshop = join(folder, 'builds');
  mkdirSync(workshop);
  const trace = buildTracer(folder);
  const scenes = SCENES.map((scene) => ({ scene, runs: [undefined, ...scene.kinds].map(() => [] as Run[]) }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { scene, runs } of scenes) {
      const turns = [undefined, ...scene.kinds].map((kinds, i) => ({ kinds, runs: runs[i] as Run[] }));
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
        const machine = machines[serverFor(scene, turn.kinds)] as Machine;
        const work = { tools: scene.tools, jobs: scene.jobs, seed: round + 1 };
        turn.runs.push(await run(machine, turn.kinds, { folder: workshop, trace, work }));
      }
    }
  }
  table(
    [
      'builds',
      'slots',
      'nodes',
      'makespan',
      'ratio (range)',
      'running',
      'peak',
      'least/most (range)',
      'shares',
      'daemon, of one CPU',
    ],
    scenes.flatMap(({ scene, runs }) => runs.map((own, i) => row(scene, own, { plain: runs[0] as Run[], i }))),
  );
  for (const machine of machines) await machine.stop();
}

async function serve({ slots, ...kinds }: (typeof SERVERS)[number]): Promise<Machine> {
  const after = (end: () => Promise<void> | void) => ends.push(end);
  const config = join(temporaryFolder({ after }), 'stint.toml');
  const tables = Object.entries(kinds).map(([tool, node]) => `[[client]]\nprogram = "${tool}"\nnode = "${node}"\n`);
  writeFileSync(config, tables.join(''));
  const machine = await startMachine({ after }, slots, { args: ['--config', config], env: { STINT_AUDIT: '0' } });
  prefer(await machine.enginePid());
  return machine;
}

/** Where in SERVERS it is; a plain FIFO takes of the machine only its slots. */
function serverFor({ slots, tools }: Scene, kinds: Kinds | undefined): number {
  return SERVERS.findIndex(
    (one) => one.slots === slots && tools.every((tool) => kinds === undefined || one[tool] === kinds[tool]),
  );
}

interface Site {
  folder: string;
  trace: string;
  work: Work;
}

/** Puts a session before all others; its own processes stay equals. */
function prefer(pid: number): void {
  setPriority(pid, PRIORITY);
  const group = `/proc/${pid}/autogroup`; // sched(7): where it is, nice values count within a session only
  if (existsSync(group)) writeFileSync(group, String(PRIORITY));
}

/** Runs the builds at once: on the machine's pool, where clients get these kinds, or on a plain FIFO. */
async function run(machine: Machine, kinds: Kinds | undefined, { folder, trace, work }: Site): Promise<Run> {
  const slots = machine.jobs as number;
  const builds = writeBuilds(folder, trace, work);
  const fifo = kinds === undefined ? plainFifo(slots - builds.length) : undefined;
  const pid = await machine.enginePid();
  const before = cpuTime(pid);
  const start = performance.now();
  const started = builds.map(({ folder: cwd, env, command: [file = '', ...args] }) =>
    fifo === undefined
      ? machine.spawnRun(['--style', 'fifo', '--', file, ...args], { cwd, env, deadline: PATIENCE })
      : machine.spawn(file, args, {
          cwd,
          env: { ...env, MAKEFLAGS: ` -j${slots} --jobserver-auth=fifo:${fifo.path}` },
          deadline: PATIENCE,
        }),
  );
  for (const build of started) prefer(build.pid);
  if (kinds !== undefined) await untilServed(machine, kinds, work.tools);
  for (const { code, stdout, stderr } of await Promise.all(started.map(({ ended }) => ended)))
    if (code !== 0) throw new Error(`a build ended with ${code}: ${stdout}${stderr}`);
  const cpu = (cpuTime(pid) - before) / ((performance.now() - start) / 100);
  fifo?.close();
  const course = readCourse(folder, builds, work);
  rmSync(folder, { recursive: true });
  return { ...course, ...(kinds !== undefined && { cpu }) };
}

/** Sees to it that each tool has got the kind of node that is to be measured. */
async function untilServed(machine: Machine, kinds: Kinds, tools: readonly Tool[]): Promise<void> {
  await machine.untilStatus(({ builds }) =>
    tools.every((tool) =>
      builds.some(({ clients = [] }) => clients.some((one) => one.program === tool && one.node === kinds[tool])),
    ),
  );
}

function row(
  { name, tools, slots, kinds }: Scene,
  runs: readonly Run[],
  { plain, i }: { plain: readonly Run[]; i: number },
) {
  const own = kinds[i - 1];
  const used = [...new Set(tools)];
  const nodes = own === undefined ? 'plain FIFO' : used.map((tool) => (used.length > 1 ? `${tool} ` : '') + own[tool]);
  const company = tools.length > 1;
  const ratios = runs.map(({ makespan }, round) => makespan / (plain[round] as Run).makespan);
  const shares = tools.map((_, build) => median(runs.map((one) => (one.shares[build] as number) * 100)).toFixed(0));
  return [
    name,
    slots,
    [nodes].flat().join(', '),
    `${median(runs.map(({ makespan }) => makespan)).toFixed(0)} ms`,
    own === undefined ? '-' : spread(ratios, 2),
    median(runs.map(({ running }) => running)).toFixed(2),
    Math.max(...runs.map(({ peak }) => peak)),
    company
      ? spread(
          runs.map((one) => Math.min(...one.shares) / Math.max(...one.shares)),
          2,
        )
      : '-',
    company ? `${shares.join(' / ')} %` : '-',
    own === undefined ? '-' : `${median(runs.map(({ cpu = 0 }) => cpu)).toFixed(1)} %`,
  ];
}

for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const])
  process.once(signal, () => void finish().finally(() => process.exit(code)));

const reason = noMachine() ?? missing('make44', 'ninja', 'ctest');
if (reason === false) {
  try {
    await main();
  } finally {
    await finish();
  }
} else {
  process.stderr.write(`nodes: ${reason}\n`);
  process.exitCode = 1;
}
