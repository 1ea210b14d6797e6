// How fast a node is, and how evenly it serves. What depends on the machine is told beside the same of a plain FIFO, measured in
// turns with it: only the ratio holds elsewhere.
import { constants } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { How } from './agent.ts';
import type { Agent } from './crew.ts';
import type { Scene } from './scene.ts';

const { O_RDWR, O_NONBLOCK } = constants;

export interface Figure {
  /** For programs. */
  id: string;
  /** For people. */
  title: string;
  unit: 'a second' | 'µs' | 'share';
  /** Whether more is better. */
  up: boolean;
  value: number;
  /** The same of a plain FIFO; missing where it says nothing of the machine. */
  fifo?: number;
  /** The median of the ratios of both; missing likewise. */
  ratio?: number;
}

/** How much is measured. */
export interface Effort {
  rounds: number;
  /** Of each round, milliseconds. */
  length: number;
  /** Volleys of slots that are handed over, in each round. */
  volleys: number;
}

/** Clients that want slots all the time, and the slots that there are for them. */
const CROWD = { clients: 6, slots: 2 };
/** How long a slot is kept where clients are compared, milliseconds. */
const HOLD = 1;
/** How long until all clients have heard when to begin, milliseconds. */
const NOTICE = 100;
/** Slots of one volley, at the most. */
const VOLLEY = 8;
/** Between two slots that are handed over, so that the next one is waited for; milliseconds. */
const APART = 3;
/** How long an agent may take beyond what it measures, milliseconds. */
const PATIENCE = 60_000;

type Ground = { path: string; slots: number };

/** @param agents CROWD.clients + 1 of them */
export async function measure(
  node: Ground,
  fifo: Ground,
  { agents, effort }: { agents: readonly Agent[]; effort: Effort },
): Promise<Figure[]> {
  const rounds: Round[] = [];
  for (let n = 0; n < effort.rounds; n++) {
    const turn = n % 2 === 0 ? [node, fifo] : [fifo, node];
    const [first, second] = [
      await round(turn[0] as Ground, agents, effort),
      await round(turn[1] as Ground, agents, effort),
    ];
    rounds.push(n % 2 === 0 ? { node: first, fifo: second } : { node: second, fifo: first });
  }
  return FIGURES.map(({ compared, ...figure }) => {
    const of = (which: keyof Round) => rounds.map((one) => one[which][figure.id]);
    const value = median(of('node'));
    if (!compared) return { ...figure, value };
    const ratio = median(rounds.map((one) => one.node[figure.id] / one.fifo[figure.id]));
    return { ...figure, value, fifo: median(of('fifo')), ratio };
  });
}

/** How many agents `measure` needs. */
export const AGENTS = CROWD.clients + 1;

/** How long it takes from the kill of a client that has all slots until another one, which waits, has one of them. */
export async function reclaimTime(scene: Scene, kills: number): Promise<Figure> {
  const took: number[] = [];
  for (let n = 0; n < kills; n++) {
    const [holder, waiter] = [await scene.client(), await scene.client(O_RDWR)];
    await holder.take(scene.slots);
    const received = waiter.agent.ask('receive', { fd: waiter.fd, count: 1, how: 'block' }, PATIENCE);
    await pause(NOTICE);
    const at = now();
    await holder.agent.kill();
    took.push(((await received)[0] as number) - at);
    waiter.held = 1;
    await scene.clear();
  }
  const title = 'from the kill of a holder to the client that waits, median';
  return { id: 'reclaim', title, unit: 'µs', up: false, value: median(took) };
}

type Id = 'alone' | 'crowd' | 'handover' | 'handover-poll' | 'handover-p99' | 'even' | 'pollers';
type Values = Record<Id, number>;
type Round = { node: Values; fifo: Values };

const FIGURES: readonly (Omit<Figure, 'value' | 'fifo' | 'ratio' | 'id'> & { id: Id; compared: boolean })[] = [
  { id: 'alone', title: 'round trips of one client', unit: 'a second', up: true, compared: true },
  { id: 'crowd', title: 'round trips of 6 clients with 2 slots', unit: 'a second', up: true, compared: true },
  { id: 'handover', title: 'from a return to the client that reads, median', unit: 'µs', up: false, compared: true },
  {
    id: 'handover-p99',
    title: 'from a return to the client that reads, 99th percentile',
    unit: 'µs',
    up: false,
    compared: true,
  },
  {
    id: 'handover-poll',
    title: 'from a return to the client that polls, median',
    unit: 'µs',
    up: false,
    compared: true,
  },
  {
    id: 'even',
    title: 'of 6 clients with 2 slots, the least served for the most served',
    unit: 'share',
    up: true,
    compared: false,
  },
  { id: 'pollers', title: 'what 3 clients that poll get, for 3 that read', unit: 'share', up: true, compared: false },
];

async function round({ path, slots }: Ground, agents: readonly Agent[], { length, volleys }: Effort): Promise<Values> {
  const [keeper, ...crowd] = (await Promise.all(agents.map((agent) => openBoth(agent, path)))) as [Opened, ...Opened[]];
  const [first, second] = crowd as [Opened, Opened];
  const alone = await trips([{ ...first, how: 'block' }], { hold: 0, length });
  const read = await handOver(keeper, second, { how: 'block', slots, volleys });
  const poll = await handOver(keeper, second, { how: 'poll', slots, volleys });
  const kept = Math.max(0, slots - CROWD.slots);
  await take(keeper, kept);
  const all = await trips(
    crowd.map((one) => ({ ...one, how: 'block' as const })),
    { hold: 0, length },
  );
  const held = await trips(
    crowd.map((one) => ({ ...one, how: 'block' as const })),
    { hold: HOLD, length },
  );
  const mixed = crowd.map((one, n) => ({ ...one, how: n % 2 === 0 ? ('block' as const) : ('poll' as const) }));
  const both = await trips(mixed, { hold: HOLD, length });
  await give(keeper, kept);
  for (const { agent, block, poll } of [keeper, ...crowd]) {
    for (const fd of [block, poll]) await agent.ask('close', { fd });
  }
  const perSecond = (counts: readonly number[]) => (sum(counts) * 1000) / length;
  const of = (how: How) => sum(both.filter((_, n) => mixed[n]?.how === how));
  return {
    alone: perSecond(alone),
    crowd: perSecond(all),
    handover: median(read),
    'handover-p99': quantile(read, 0.99),
    'handover-poll': median(poll),
    even: Math.min(...held) / Math.max(...held),
    pollers: of('poll') / of('block'),
  };
}

/** An agent that has the node open in both ways. */
interface Opened {
  agent: Agent;
  block: number;
  poll: number;
}

async function openBoth(agent: Agent, path: string): Promise<Opened> {
  const block = await agent.ask('open', { path, flags: O_RDWR });
  const poll = await agent.ask('open', { path, flags: O_RDWR | O_NONBLOCK });
  if (block < 0 || poll < 0) throw new Error(`cannot open ${path}`);
  return { agent, block, poll };
}

async function take({ agent, poll }: Opened, count: number): Promise<void> {
  const taken = count === 0 ? 0 : await agent.ask('gather', { fd: poll, count, ms: PATIENCE }, 2 * PATIENCE);
  if (taken !== count) throw new Error(`only ${taken} of ${count} slots could be taken`);
}

async function give({ agent, poll }: Opened, count: number): Promise<void> {
  if (count > 0) await agent.ask('write', { fd: poll, text: '+'.repeat(count) });
}

/** How often each of `clients` took and returned a slot. */
async function trips(
  clients: readonly (Opened & { how: How })[],
  { hold, length }: { hold: number; length: number },
): Promise<number[]> {
  const from = now() + NOTICE * 1000;
  const to = from + length * 1000;
  return Promise.all(
    clients.map(({ agent, how, ...fds }) =>
      agent.ask('trips', { fd: fds[how], how, hold, from, to }, NOTICE + length + PATIENCE),
    ),
  );
}

/** How long slots took from `giver`, who takes all of them first, to `taker`, who waits for them; microseconds. */
async function handOver(
  giver: Opened,
  taker: Opened,
  { how, slots, volleys }: { how: How; slots: number; volleys: number },
): Promise<number[]> {
  const took: number[] = [];
  const count = Math.min(slots, VOLLEY);
  await take(giver, slots - count);
  for (let n = 0; n < volleys; n++) {
    await take(giver, count);
    const received = taker.agent.ask('receive', { fd: taker[how], count, how }, PATIENCE);
    const sent = await giver.agent.ask('send', { fd: giver.poll, count, pause: APART }, PATIENCE);
    took.push(...(await received).map((at, i) => at - (sent[i] as number)));
    await give(taker, count);
  }
  await give(giver, slots - count);
  return took;
}

/** Microseconds of the monotonic clock, as agents tell them. */
const now = (): number => Number(process.hrtime.bigint() / 100n) / 10;

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The value below which `share` (0 to 1) of `values` lie. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
