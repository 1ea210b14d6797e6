// The ledger alone: operations a second with ever more clients in 200 builds. An operation is an acquire or a release; the pool
// is a quarter of the clients, so most acquires wait and most releases grant. The reference, in the same run, is what steve
// and a plain queue do: one list of waiters, first come, first served, and no builds.
import { Ledger } from '../src/core/ledger.ts';
import type { Client, Waiter } from '../src/core/types.ts';
import { median, spread, table } from './helpers/figures.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 7);
const OPERATIONS = 400_000;
const BUILDS = 200;

/** Takes turns: whoever was granted longest ago returns its slot and asks again. Returns operations a second. */
function ledgerSpeed(clients: number): number {
  const holders: Waiter[] = [];
  let first = 0;
  const ledger = new Ledger(Math.max(1, clients >> 2), (waiter) => holders.push(waiter));
  const builds = Array.from({ length: Math.min(BUILDS, clients) }, () => ledger.openBuild());
  for (let i = 0; i < clients; i++) {
    const client: Client = ledger.openClient(builds[i % builds.length] as (typeof builds)[0], 'exact');
    ledger.acquire({ client, reserves: false, since: 0, order: 0 }, 0);
  }
  const start = performance.now();
  for (let done = 0; done < OPERATIONS; done += 2) {
    const waiter = holders[first++] as Waiter;
    ledger.release(waiter.client, 1);
    ledger.acquire(waiter, done);
  }
  return (OPERATIONS / (performance.now() - start)) * 1000;
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
  const start = performance.now();
  for (let done = 0; done < OPERATIONS; done += 2) {
    const client = holders[first++] as number;
    release();
    acquire(client);
  }
  return (OPERATIONS / (performance.now() - start)) * 1000;
}

const millions = (value: number) => (value / 1e6).toFixed(2);
const rows: string[][] = [];
for (const clients of [10, 1_000, 10_000]) {
  ledgerSpeed(clients); // warm
  listSpeed(clients);
  const ours: number[] = [];
  const lists: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    lists.push(listSpeed(clients));
    ours.push(ledgerSpeed(clients));
  }
  const ratios = ours.map((value, round) => value / (lists[round] as number));
  rows.push([String(clients), `${millions(median(lists))} M/s`, `${millions(median(ours))} M/s`, spread(ratios, 3)]);
}
table(['clients in 200 builds', 'one list', 'the ledger', 'ratio (range)'], rows);
