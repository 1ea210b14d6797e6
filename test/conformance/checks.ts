// The checks: each runs one client on one server and says what it found. None of them expects anything.
import { setTimeout as pause } from 'node:timers/promises';
import { monotonic } from '../../demo/trace.ts';
import { judge, type Verdict } from '../../src/conformance/judge.ts';
import type { Style } from '../../src/conformance/told.ts';
import { DEADLINE, until } from '../helpers/until.ts';
import { Build, type Site } from './build.ts';
import type { Client } from './client.ts';
import type { Node, Server } from './server.ts';

/** Who is checked, with what, and where. */
export interface Subject extends Site {
  client: Client;
  style: Style;
  server: Server;
}

export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const;
export type Signal = (typeof SIGNALS)[number];

/** What a build on a full pool came to. */
export interface Use {
  verdict: Verdict;
  code: number;
  /** The most jobs that ran at once. */
  peak: number;
  /** The most tokens that it had at once. */
  taken: number;
  /** Tokens that were not there again in the end. */
  lost: number;
  stderr: string;
}

/** What a signal to the whole process group did while it held tokens. */
export interface Ending {
  held: number;
  lost: number;
  /** Whether it ended within a few seconds. */
  ended: boolean;
}

/** A build on a pool without a free slot. */
export interface Empty {
  verdict: 'serial' | 'waits' | 'fails' | 'exceeds';
  code: number | undefined;
  peak: number;
}

/** Tokens in a pool unless a check says otherwise. */
export const SLOTS = 3;
/** How much longer everything may take where tests are given more time. */
const SLOWER = Math.max(1, DEADLINE / 20_000);
/** How long a build may take, milliseconds. */
const BUILD = 60_000 * SLOWER;
/** How long a token may be on its way back, milliseconds. */
const RETURN = 1_500 * SLOWER;
/** How long a client may take to end after a signal, milliseconds. */
const LEAVE = 3_000 * SLOWER;
/** How long nothing may change until a build is taken to have all that it takes, milliseconds. */
const STEADY = 600 * SLOWER;
/** How long it may take until a build holds tokens, milliseconds. */
const HOLD = 60_000 * SLOWER;
/** After so long a client that begins nothing without a token is taken to wait for one, milliseconds. */
const WAITS = 6_000 * SLOWER;
/** When the slots come late: so long after the first job has begun, milliseconds. */
const LATE = 300;

/** A build with slots enough: does it use them, no more than there are, and give them back? */
export async function uses(subject: Subject): Promise<Use> {
  return onNode(subject, SLOTS, async (start, node) => {
    const build = start({ seconds: 0.12, patience: BUILD });
    let least = SLOTS;
    let over = false;
    const result = build.started.ended.finally(() => (over = true));
    while (!over) {
      if (node.calm || build.running > 1) least = Math.min(least, await node.count());
      await pause(node.calm ? 10 : 60);
    }
    const { code, stderr } = await result;
    await build.clear();
    const lost = SLOTS - (await settled(subject.server, node));
    const { peak } = build;
    const taken = SLOTS - least;
    return { verdict: judge({ code, peak, taken, lost, slots: SLOTS }), code, peak, taken, lost, stderr };
  });
}

/** `signal` to the whole process group while the build holds tokens. */
export async function signalled(subject: Subject, signal: Signal): Promise<Ending> {
  return onNode(subject, SLOTS, async (start, node) => {
    const build = start({ seconds: 90, patience: 2 * BUILD });
    const { started } = build;
    await steady(build, node);
    const held = SLOTS - (await node.count());
    started.killAll(signal);
    const ended = await within(
      until('it ends', () => started.child.exitCode !== null || started.child.signalCode !== null, LEAVE),
    );
    // What it leaves behind may be about to return something.
    if (ended) await within(Promise.race([started.ended, pause(RETURN)]));
    await build.clear();
    return { held, lost: SLOTS - (await settled(subject.server, node)), ended };
  });
}

/** A build for which there is no slot until it ends. */
export async function empty(subject: Subject): Promise<Empty> {
  return onNode(subject, 0, async (start) => {
    const build = start({ seconds: 0.02, patience: startsWithout(subject) ? BUILD : WAITS });
    const result = await started(build);
    const { peak } = build;
    if (result === undefined) return { verdict: 'waits', code: undefined, peak };
    return { verdict: result !== 0 ? 'fails' : peak > 1 ? 'exceeds' : 'serial', code: result, peak };
  });
}

/** How long after three slots came a build had a further job running, milliseconds; undefined: never. */
export async function late(subject: Subject): Promise<number | undefined> {
  return onNode(subject, 0, async (start, node) => {
    const build = start({ seconds: 0.8, patience: BUILD });
    const patience = startsWithout(subject) ? HOLD : WAITS;
    const first = await until('the first job', () => build.steps()[0]?.at, patience).catch(monotonic);
    await pause(Math.max(0, first + LATE - monotonic()));
    const before = build.running;
    const at = monotonic();
    await node.addSlots(SLOTS);
    const more = () => build.steps().find((step) => step.at > at && step.running > before)?.at;
    const used = await until('it uses them', more, 15_000 * SLOWER).catch(() => undefined);
    return used === undefined ? undefined : used - at;
  });
}

/** Whether it begins a job without a token. */
const startsWithout = ({ client }: Subject): boolean => (client.least ?? 1) === 1;

type Start = (times: { seconds: number; patience: number }) => Build;

/** Opens a node for a check and, whatever comes, ends the build that it started and closes the node. */
async function onNode<T>(subject: Subject, slots: number, check: (start: Start, node: Node) => Promise<T>): Promise<T> {
  const { place, tracer, client, style, server } = subject;
  const node = await server.open(slots);
  let build: Build | undefined;
  const start: Start = (times) => {
    build = new Build({ place, tracer }, { client, style, node, slots: SLOTS, ...times });
    return build;
  };
  try {
    return await check(start, node);
  } finally {
    await build?.clear();
    await node.close();
  }
}

/** Its exit code; undefined when it had to be killed. */
const started = (build: Build) => build.started.ended.then(({ code }) => code).catch(() => undefined);

/** Slots that are free when they are all back, or will not come back. */
async function settled({ reclaims }: Server, node: Node): Promise<number> {
  if (reclaims) await within(until('all are back', async () => (await node.count()) === SLOTS, RETURN));
  return node.count();
}

/** Until several jobs run and no token is left, or nothing changes any more. @throws Error with what was there last */
async function steady(build: Build, node: Node): Promise<void> {
  let last = '';
  let since = 0;
  const isSteady = async () => {
    const free = node.calm ? await node.count() : 0;
    const { running } = build;
    const now = `${running} jobs run, ${free} slots are free`;
    if (now !== last || running < 2 || free === SLOTS) {
      since = monotonic();
      last = now;
    }
    return running > 1 && ((node.calm && free === 0) || monotonic() - since > STEADY);
  };
  try {
    await until('it holds tokens', isSteady, HOLD);
  } catch (error) {
    throw new Error(`it does not hold tokens: ${last}; ${JSON.stringify(build.started.output)}`, { cause: error });
  }
}

/** Whether it came about. */
const within = (wanted: Promise<unknown>): Promise<boolean> => wanted.then(() => true).catch(() => false);
