// How soon the slot of a killed process is in the hands of the one who waits for it, at the machine's node: from SIGKILL to the
// waiter's return from read(2). A pool of one slot, a process killed while it holds that slot and another one waits, again and
// again. No other jobserver in a pipe can be compared: there the token is lost.
import { buildRacers, NODES, Racer, startTrack } from '../test/machine/racers.ts';
import { quantile, table } from './helpers/figures.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 1000);
/** The p99 at the most, milliseconds. */
const BAR = 5;

const ends: (() => void | Promise<void>)[] = [];
try {
  const t = { after: (end: () => void | Promise<void>) => void ends.push(end) };
  const programs = buildRacers(t);
  const rows: string[][] = [];
  for (const kind of NODES) {
    const machine = await startTrack(t, 1);
    const racer = new Racer(machine, [programs[kind], 'reclaim', 1]);
    const { times } = await racer.ask<{ times: number[] }>(`run ${ROUNDS}`);
    await racer.end();
    await machine.stop();
    const show = (all: readonly number[]) => [0.5, 0.99, 1].map((share) => (quantile(all, share) / 1000).toFixed(2));
    const met = quantile(times, 0.99) < BAR * 1000;
    rows.push([`${kind} node`, String(ROUNDS), ...show(times), `< ${BAR} ms ${met ? 'met' : '**missed**'}`]);
  }
  table(['what', 'times', 'p50 ms', 'p99 ms', 'longest ms', 'p99'], rows);
} finally {
  for (const end of ends.reverse()) await end();
}
