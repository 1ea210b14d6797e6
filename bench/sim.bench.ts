// Policies compared in a simulator: on the same machines, with the same jobs, in virtual time. FIFO: one queue of requests.
// Round-robin: one queue of processes, one slot for each in turn, as steve does it. stint: the ledger that the daemon runs, with
// `first_slot` as said; strict: it gives nothing beyond the pool. The references take a dead client's slots back too, which a plain FIFO cannot.
// A build keeps its first slot to its end, under every policy: it stands for the job that a client runs without a token.
//
// Busy: busy slots / all slots, while there are jobs for all. Jain's index: of the builds' slot time / weight, while each of them has
// jobs that wait; 1 is equal. Least and most: slots that a build had on average meanwhile. First slot: what builds that come later
// wait for their first one, in mean job lengths. Over: slots out beyond the pool at the worst moment. Median (lowest … highest)
// of the seeds; the rest are of all seeds together.
import { DEFAULT_POLICY, overcommitBound, type Policy, STRICT_POLICY } from '../src/core/policy.ts';
import { quantile, spread, table } from './helpers/figures.ts';
import type { Figures } from './sim/figures.ts';
import { type Scenario, simulate } from './sim/machine.ts';
import { ours } from './sim/ours.ts';
import { fifo, roundRobin } from './sim/reference.ts';
import { day, hoarderFirst, hoarderForEver, large, mixed, users, weights } from './sim/scenarios.ts';

const SEED = Number(process.env.STINT_SEED ?? 1);
const wait: Policy = { ...DEFAULT_POLICY, firstSlot: 'wait' };
const policies = {
  FIFO: fifo,
  'round-robin': roundRobin,
  'stint, strict': ours(STRICT_POLICY),
  'stint, wait': ours(wait),
  'stint, overcommit': ours(DEFAULT_POLICY),
};
type Runs = Record<keyof typeof policies, Figures[]>;

process.stdout.write(`Seeds from ${SEED}.\n`);
bars(play(mixed(3_000), 5));
play(hoarderFirst(3_000), 5);
play(hoarderForEver(400), 5);
play(users(6_000), 5);
play(weights(3_000), 5);
play(day(8, 20, 20_000), 5);
play(day(64, 200, 2_500), 5);
play(large(400), 1);

function play(scenario: Scenario, rounds: number): Runs {
  const { name, about, slots } = scenario;
  const seeds = Array.from({ length: rounds }, (_, i) => SEED + i);
  const runs = Object.fromEntries(
    Object.entries(policies).map(([policy, pool]) => [policy, seeds.map((seed) => simulate(scenario, pool, seed))]),
  ) as Runs;
  process.stdout.write(`\n### ${name}\n\n${slots} slots. ${about}\n\n`);
  table(
    ['policy', 'makespan s', 'busy %', "Jain's index", 'least and most', 'first slot p50', 'p99', 'over'],
    Object.entries(runs).map(([policy, figures]) => [policy, ...cells(figures)]),
  );
  return runs;
}

function cells(runs: Figures[]): string[] {
  const of = (figure: (run: Figures) => number, digits: number) => spread(runs.map(figure), digits);
  const waits = runs.flatMap(({ firstWaits }) => firstWaits);
  const shares = runs.flatMap((run) => [...run.shares.values()]);
  return [
    of(({ makespan }) => makespan / 1000, 0),
    of(({ utilisation }) => 100 * utilisation, 2),
    shares.length === 0 ? '-' : of(({ jain }) => jain, 3),
    shares.length === 0 ? '-' : `${Math.min(...shares).toFixed(1)} … ${Math.max(...shares).toFixed(1)}`,
    waits.length === 0 ? '-' : quantile(waits, 0.5).toFixed(2),
    waits.length === 0 ? '-' : quantile(waits, 0.99).toFixed(2),
    String(Math.max(...runs.map(({ overcommit }) => overcommit))),
  ];
}

/** Whether the first scene comes out as it should, at the worst of its seeds. */
function bars(runs: Runs): void {
  const rows = [
    { name: 'stint, strict' as const, longest: 1, over: 0 },
    { name: 'stint, wait' as const, longest: 1, over: overcommitBound(wait, 64) },
    { name: 'stint, overcommit' as const, longest: 0, over: overcommitBound(DEFAULT_POLICY, 64) },
  ].map(({ name, longest, over }) => {
    const figures = runs[name];
    const jain = Math.min(...figures.map((run) => run.jain));
    const busy = 100 * Math.min(...figures.map((run) => run.utilisation));
    const first = Math.max(...figures.map((run) => quantile(run.firstWaits, 0.99)));
    const most = Math.max(...figures.map((run) => run.overcommit));
    return [
      name,
      bar(jain.toFixed(3), jain >= 0.97, '≥ 0.97'),
      bar(busy.toFixed(2), busy >= 99, '≥ 99'),
      bar(first.toFixed(2), first <= longest, `≤ ${longest}`),
      bar(String(most), most <= over, `≤ ${over}`),
    ];
  });
  process.stdout.write('\n');
  table(['at the worst seed', "Jain's index", 'busy %', 'first slot p99', 'over'], rows);
}

function bar(value: string, met: boolean, wanted: string): string {
  return `${value}, ${wanted} ${met ? 'met' : 'missed'}`;
}
