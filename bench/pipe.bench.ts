// Pools of real FIFOs against one plain FIFO with the same number of tokens, in turns.

import { median, spread, table } from './helpers/figures.ts';
import { cpuTime, type Load, load, loadProgram, openBuild, plainFifo, serve, sum, withPlace } from './helpers/pool.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);

interface Scene {
  name: string;
  builds: number;
  slots: number;
  /** What is compared. */
  figure: (loads: Load, seconds: number) => number;
  unit: string;
  /** Milliseconds. */
  length: number;
  run(fifo: string, build: number, round: number): Promise<Load>;
}

const cycle: Scene = {
  name: 'one build alone, one client, cycles',
  builds: 1,
  slots: 4,
  figure: ({ jobs }, seconds) => jobs / seconds,
  unit: 'cycles/s',
  length: 1000,
  run: (fifo) => load('cycle', fifo, 1000),
};

const busy: Scene = {
  name: '8 builds × 4 clients, jobs of 1 ms, 4 slots',
  builds: 8,
  slots: 4,
  figure: ({ jobs }, seconds) => jobs / seconds,
  unit: 'jobs/s',
  length: 3000,
  run: (fifo) => load('jobs', fifo, 3000, 4, 1000),
};

const bursts = (slots: number): Scene => ({
  name: `4 builds × 4 clients, bursts of jobs of 1–20 ms, ${slots} slots`,
  builds: 4,
  slots,
  figure: ({ busy: ms }, seconds) => ms / (slots * seconds * 10),
  unit: '% of slot time used',
  length: 3000,
  run: (fifo, build, round) => load('bursts', fifo, 3000, 4, 1 + round * 100 + build),
});

async function onPlainFifo(scene: Scene, round: number): Promise<number> {
  const fifo = plainFifo(scene.slots);
  try {
    const loads = await Promise.all(
      Array.from({ length: scene.builds }, (_, build) => scene.run(fifo.path, build, round)),
    );
    return scene.figure(sum(loads), scene.length / 1000);
  } finally {
    fifo.close();
  }
}

function onPool(scene: Scene, round: number): Promise<{ figure: number; cpu: number }> {
  return withPlace(async (place) => {
    const pid = await serve(place, scene.slots);
    const fifos: string[] = [];
    for (let build = 0; build < scene.builds; build++) fifos.push(await openBuild(place));
    const before = cpuTime(pid);
    const loads = await Promise.all(fifos.map((fifo, build) => scene.run(fifo, build, round)));
    const cpu = (cpuTime(pid) - before) / (scene.length / 100);
    return { figure: scene.figure(sum(loads), scene.length / 1000), cpu };
  });
}

async function compare(scene: Scene): Promise<string[]> {
  const plain: number[] = [];
  const pool: number[] = [];
  const cpus: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(await onPlainFifo(scene, round));
    const { figure, cpu } = await onPool(scene, round);
    pool.push(figure);
    cpus.push(cpu);
  }
  const ratios = pool.map((figure, round) => figure / (plain[round] as number));
  const digits = scene.unit.startsWith('%') ? 1 : 0;
  const shown = [median(plain), median(pool)].map((figure) => `${figure.toFixed(digits)} ${scene.unit}`);
  return [scene.name, ...shown, spread(ratios, 3), `${median(cpus).toFixed(0)} %`];
}

/** Builds that have their pipe open and want nothing. */
function idle(builds: number, slots: number): Promise<string[]> {
  const ms = 6000;
  return withPlace(async (place) => {
    const pid = await serve(place, slots);
    const clients: Promise<Load>[] = [];
    for (let build = 0; build < builds; build++) clients.push(load('idle', await openBuild(place), ms + 2000));
    await new Promise((resolve) => setTimeout(resolve, 1500)); // until nobody is taken for a newcomer any more
    const before = cpuTime(pid);
    await new Promise((resolve) => setTimeout(resolve, ms));
    const cpu = (cpuTime(pid) - before) / (ms / 100);
    await Promise.all(clients);
    return [`${builds} idle builds, ${slots} slots`, '-', '-', '-', `${cpu.toFixed(2)} %`];
  });
}

loadProgram();
const rows = [await compare(cycle), await compare(busy)];
for (const slots of [2, 4, 8]) rows.push(await compare(bursts(slots)));
rows.push(await idle(64, 4), await idle(64, 128));
table(['scene', 'plain FIFO', 'stint', 'ratio (range)', 'daemon, of one CPU'], rows);
