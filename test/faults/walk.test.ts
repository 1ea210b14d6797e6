// The engine process dies, is slow, or its calls fail at each of its points, while real clients work: no client has an error,
// nothing is lost, nothing is given twice. STINT_SEED repeats a run; STINT_ROUNDS says how many points of each kind are tried.
import os from 'node:os';
import { test } from 'node:test';
import { noMachine } from '../helpers/machine.ts';
import { seeded } from '../helpers/random.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import type { Plan } from './plan.ts';
import { openStage, type Stage } from './stage.ts';

const CASES = Number(process.env.STINT_ROUNDS ?? 1);
/** An engine that ends by itself more often in a row is not tried again at once. */
const MAX_DEATHS = 4;
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);

type When = 'serves' | 'takes over';

/** All points that a role comes by, and how often. */
async function pointsOf(stage: Stage, role: Plan['role'], when: When): Promise<Map<string, number>> {
  const engine = await stage.place.enginePid();
  stage.arm({ role, action: 'record', point: '', nth: 1, times: 1, value: 0 });
  const clients = stage.begin();
  if (when === 'takes over') await killInTheMidst(stage, engine);
  await stage.end(clients);
  stage.disarm();
  const counts = new Map<string, number>();
  for (const [pid, points] of stage.seen()) {
    if (when === 'takes over' && pid === engine) continue;
    for (const point of points) counts.set(point, (counts.get(point) ?? 0) + 1);
  }
  return counts;
}

async function killInTheMidst(stage: Stage, engine: number): Promise<void> {
  await stage.untilBegun();
  process.kill(engine, 'SIGKILL');
}

/** One point after the other, at random, each at a random time that it is come by. */
function* choices(
  points: Map<string, number>,
  random: (n: number) => number,
): Generator<{ point: string; nth: number }> {
  for (;;) {
    const left = [...points];
    while (left.length > 0) {
      const [[point, count]] = left.splice(random(left.length), 1) as [[string, number]];
      yield { point, nth: 1 + random(Math.max(1, Math.floor(0.8 * count))) };
    }
  }
}

/** False: the plan is left to be carried out. */
async function tryOne(stage: Stage, when: When, plan: Plan): Promise<boolean> {
  const engine = await stage.place.enginePid();
  if (when === 'serves') stage.arm(plan);
  const clients = stage.begin();
  if (when === 'takes over') {
    await killInTheMidst(stage, engine).finally(() => stage.arm(plan));
    await until('another engine', async () => (await stage.place.enginePid()) !== engine, 60_000);
  }
  await stage.end(clients, { strict: !(plan.action === 'error' && TOLD.test(plan.point)) });
  return stage.disarm();
}

const POOLS = [
  { system: true, whose: "the machine's pool", skip: noMachine() ?? missing('gcc') },
  { system: false, whose: "a user's pool", skip: missing('gcc') },
];

const { EMFILE, ENOSPC, ENOMEM, ENOBUFS } = os.constants.errno;
/** How calls fail where a machine has run out of something. */
const FAILURES: readonly [RegExp, number][] = [
  [/^(memory\.mapMemory|epoll\.Epoll\.add)$/, ENOMEM],
  [/^(fs\.writeSync|fs\.mkdirSync|inotify\.Inotify\.watch|fifo\.makeFifo)$/, ENOSPC],
  [/^fds\.sendMessage$/, ENOBUFS],
  [/\.(open\w+|socketPair|new)$|\.openSync$/, EMFILE],
];

/** What fails for one newcomer is told to that one, instead of ending the engine. */
const TOLD = /^(pidfd\.openPidfd|fifo\.\w+|fs\.openSync|inotify\.Inotify\.watch)$/;

/** Milliseconds. */
const SLOW = 600;

/** The errno with which a call fails, undefined: it cannot. */
const errnoAt = (point: string): number | undefined => FAILURES.find(([calls]) => calls.test(point))?.[1];

type Walk = Pick<Plan, 'role' | 'action'> & { when: When };

const WALKS: readonly Walk[] = [
  ...(['engine', 'main'] as const).flatMap((role) =>
    (['serves', 'takes over'] as const).flatMap((when) => [
      { role, when, action: 'die' } as const,
      { role, when, action: 'error' } as const,
    ]),
  ),
  ...(['keeper', 'engine', 'main'] as const).map((role) => ({ role, when: 'serves', action: 'slow' }) as const),
];

/** The value of a plan; undefined: the point is left out. */
const valueAt = (action: Plan['action'], point: string): number | undefined =>
  action === 'error' ? errnoAt(point) : action === 'slow' ? SLOW : 0;

for (const { system, whose, skip } of POOLS) {
  test(`whatever dies, fails or is slow in the daemon of ${whose}, its clients do not notice, seed ${SEED}`, {
    skip,
    timeout: 3_000_000,
  }, async (t) => {
    const random = seeded(SEED);
    const open = () => openStage(t, { system });
    let stage = await open();
    /** Of engines that ended by themselves, since the stage was opened. */
    let deaths = 0;
    const known = new Map<string, Map<string, number>>();
    for (const { when, ...what } of WALKS) {
      const key = `${what.role} ${when}`;
      const points = known.get(key) ?? (await pointsOf(stage, what.role, when));
      known.set(key, points);
      const chosen = choices(
        new Map([...points].filter(([point]) => valueAt(what.action, point) !== undefined)),
        random,
      );
      let done = 0;
      for (let i = 0; i < CASES; i++) {
        if (what.action === 'error' && ++deaths === MAX_DEATHS) {
          await stage.close();
          stage = await open();
          deaths = 1;
        }
        const { value: choice } = chosen.next();
        const plan: Plan = { ...what, ...choice, times: 1, value: valueAt(what.action, choice.point) ?? 0 };
        try {
          if (await tryOne(stage, when, plan)) done++;
        } catch (error) {
          const said = stage.daemon.output.stderr.slice(-2000);
          const status = JSON.stringify(await stage.place.status());
          const text = `after ${i} others, ${when}: ${JSON.stringify(plan)}\n${error}\nits status: ${status}\nthe daemon: ${said}`;
          throw new Error(text, { cause: error });
        }
      }
      t.diagnostic(`${key}, ${what.action}: ${done} of ${CASES} at ${points.size} points`);
    }
  });
}
