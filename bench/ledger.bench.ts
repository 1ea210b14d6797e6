// The ledger alone: operations a second of processor time with ever more clients, in builds of 20 users, with weights of 1 to 4
// and the policy that a daemon has by default. An operation is an acquire or a release; the pool is a quarter of the clients,
// so most acquires wait and most releases grant. The reference, in the same run, is what a plain queue does: one list of
// waiters, first come, first served, and no builds. Cost / log₂ n: of one operation, relative to the first row of its kind;
// 1 or less: it grows no faster than the logarithm of the number of clients. A build each: most builds have nothing and are
// due a slot beyond the limit, the worst case for the search among those.
import { Ledger } from '../src/core/ledger.ts';
import { DEFAULT_POLICY } from '../src/core/policy.ts';
import type { Client, Waiter } from '../src/core/types.ts';
import { median, spread, table } from './helpers/figures.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const OPERATIONS = 1_000_000;
/** The list is so fast that fewer could not be timed. */
const LIST_OPERATIONS = 4_000_000;
const USERS = 20;
/** Virtual ms between two turns. */
const PACE = 0.1;

/** Takes turns: whoever was granted longest ago returns its slot and asks again. Returns operations a second. */
function ledgerSpeed(clients: number, buildCount: number): number {
  const holders: Waiter[] = [];
  let first = 0;
  const tell = (waiter: Waiter) => holders.push(waiter);
  const ledger = new Ledger(Math.max(1, clients >> 2), tell, { policy: DEFAULT_POLICY });
  const builds = Array.from({ length: buildCount }, (_, i) =>
    ledger.openBuild({ user: i % USERS, weight: 1 + (i % 4) }),
  );
  for (let i = 0; i < clients; i++) {
    const client: Client = ledger.openClient(builds[i % builds.length] as (typeof builds)[0], 'exact');
    ledger.acquire({ client, reserves: false, since: 0, order: 0 }, 0);
  }
  const turn = (now: number) => {
    const waiter = holders[first++] as Waiter;
    ledger.release(waiter.client, 1);
    ledger.acquire(waiter, now);
    if (now >= ledger.nextLook()) ledger.settle(now);
  };
  let now = 0;
  // Every client has had its turns before the measurement begins.
  for (let i = 0; i < 4 * clients; i++) turn((now += PACE));
  return perSecond(OPERATIONS, () => {
    for (let done = 0; done < OPERATIONS; done += 2) turn((now += PACE));
  });
}

function listSpeed(clients: number): number {
  const holders: number[] = [];
  let first = 0;
  const waiters: number[] = [];
  let next = 0;
  let free = Math.max(1, clients >> 2);
  const acquire = (client: number) => {
    if (free > 0) {
      free--;
      holders.push(client);
    } else waiters.push(client);
  };
  const release = () => {
    free++;
    if (next < waiters.length) {
      free--;
      holders.push(waiters[next++] as number);
    }
  };
  for (let i = 0; i < clients; i++) acquire(i);
  return perSecond(LIST_OPERATIONS, () => {
    for (let done = 0; done < LIST_OPERATIONS; done += 2) {
      const client = holders[first++] as number;
      release();
      acquire(client);
    }
  });
}

/** By the time that this thread had on a processor: others use the machine too. */
function perSecond(operations: number, work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (operations / (user + system)) * 1e6;
}

const millions = (value: number) => (value / 1e6).toFixed(2);
const shapes: [string, (clients: number) => number][] = [
  ['200 builds', (clients) => Math.min(200, clients / 5)],
  ['a build each', (clients) => clients],
];
const rows: string[][] = [];
for (const [shape, buildsOf] of shapes) {
  let firstCost = 0;
  for (const clients of [10, 100, 1_000, 10_000]) {
    ledgerSpeed(clients, buildsOf(clients)); // warm
    listSpeed(clients);
    const ours: number[] = [];
    const lists: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      lists.push(listSpeed(clients));
      ours.push(ledgerSpeed(clients, buildsOf(clients)));
    }
    const cost = 1e9 / median(ours);
    const perLog = cost / Math.log2(clients);
    firstCost ||= perLog;
    const wanted = clients === 10_000 && shape === '200 builds';
    const ratios = ours.map((value, round) => value / (lists[round] as number));
    rows.push([
      `${clients} in ${shape === 'a build each' ? shape : `${buildsOf(clients)} builds`}`,
      `${millions(median(lists))} M/s`,
      `${millions(median(ours))} M/s`,
      spread(ratios, 3),
      wanted ? `≥ 2 M/s ${median(ours) >= 2e6 ? 'met' : 'missed'}` : '-',
      `${cost.toFixed(0)} ns`,
      (perLog / firstCost).toFixed(2),
    ]);
  }
}
table(['clients', 'one list', 'the ledger', 'ratio (range)', 'bar', 'an operation', 'cost / log₂ n'], rows);
