// `stint pytest-start`: what `stint test` starts to become pytest. It takes the slots, as the process that pytest will be, so that they are
// pytest's: they come back when it ends, however that happens. No verb for people.
import { readFileSync, writeSync } from 'node:fs';
import { bytesOf, textOf } from '../../cli/bytes.ts';
import { giveJobserver, giveSlots, join, type Membership } from '../../cli/join.ts';
import { note } from '../../cli/print.ts';
import { Successor } from '../../cli/successor.ts';
import { EXIT, StintError } from '../../errors.ts';
import { keepOnExec } from '../../kernel/exec.ts';
import { dieWithParent } from '../../kernel/parent.ts';
import { findRuntime } from '../../process/runtime-dir.ts';
import { invocation } from './arguments.ts';
import type { Begun } from './events.ts';
import { pluginVariables } from './plugin.ts';
import type { Settings } from './settings.ts';
import type { Target } from './target.ts';

export interface Plan {
  settings: Settings;
  target: Target;
  junit: string;
  /** The caller's own arguments of pytest. */
  rest: readonly string[];
  label: string;
  /** Whether slots are taken from a pool at all. */
  pool: boolean;
  /** The pool of the user, even where the machine has one. */
  user: boolean;
  /** Milliseconds in which there are slots, after which pytest is ended; undefined: any. */
  limit: number | undefined;
}

/** The descriptor that the events go to. */
export const EVENTS_FD = 3;

/** How many slots there are, and where they come from; undefined without a pool. */
interface Share {
  slots: number;
  membership: Membership | undefined;
}

export async function start([parent, path = '']: readonly string[]): Promise<number> {
  if (!dieWithParent(Number(parent))) return EXIT.FAILED;
  const plan = JSON.parse(readFileSync(path, 'utf8')) as Plan;
  const command = new Successor(1);
  const { environment } = command;
  const env = (name: string) => {
    const value = environment.get(name);
    return value === undefined ? undefined : textOf(value);
  };
  const { slots, membership } = await take(plan, command).catch((error) => {
    if (error instanceof StintError && error.exit !== EXIT.RUN_TIMED_OUT) error.exit = EXIT.RUN_INTERNAL; // none of pytest's own
    throw error;
  });
  const { settings, target, junit, rest } = plan;
  const variables = Object.fromEntries(ASKED.map((name) => [name, env(name)]));
  const gated = !plan.pool;
  const made = invocation(settings, target, { jobs: slots, junit, rest, env: variables, gated });
  for (const line of made.notes) note(line);
  const args = ['-m', 'pytest', ...made.args];
  command.args = [...command.args, ...args.map(bytesOf)];
  const workers = settings.xdist && slots > 1;
  const orders = { pid: process.pid, workers, fd: EVENTS_FD, hypothesis: wantsProfile(plan, variables) };
  for (const [name, value] of Object.entries({ ...made.env, ...pluginVariables(orders, variables) }))
    environment.set(name, bytesOf(value));
  const begun: Begun = { what: 'begun', at: Date.now() / 1000, slots, lease: leaseOf(membership), args };
  writeSync(EVENTS_FD, `${JSON.stringify(begun)}\n`);
  keepOnExec(EVENTS_FD);
  return command.become();
}

/** What the rules look at, and what the plugin is loaded by. */
const ASKED = [
  'NO_COLOR',
  'PYTEST_PLUGINS',
  'MAKEFLAGS',
  'HYPOTHESIS_NO_PLUGINS',
  'PYTHONPATH',
  'PYTEST_ADDOPTS',
] as const;

async function take(plan: Plan, { environment }: Successor): Promise<Share> {
  const { settings, label, pool, user, limit } = plan;
  const most = settings.xdist ? settings.jobs : 1;
  if (!pool) return { slots: most, membership: undefined };
  const runtime = findRuntime(process.env, { user });
  const slots = most > 1 ? { min: 1, max: most } : undefined;
  const wanted = { slots, signal: undefined, timeout: limit, clock: 'held' as const, jobs: undefined, user, label };
  const membership = await join(runtime, environment, wanted).catch((error) => {
    // Inside a build that is no lease: it has one slot, which is this run's.
    if (!(error instanceof StintError) || slots === undefined || !/^inside build /.test(error.message)) throw error;
    note(`${error.message}: one worker; ${error.hint}`);
    return undefined;
  });
  if (membership === undefined) return { slots: 1, membership };
  const { slots: has } = membership;
  // What a test starts is the test's own job: only where there is one process, a build that it starts takes more slots.
  if (has === undefined)
    await giveJobserver(environment, membership, 'auto', { args: ['pytest'], cache: runtime.tools });
  else await giveSlots(environment, ['pytest'], { ...membership, slots: has });
  return { slots: has ?? 1, membership };
}

const leaseOf = (membership: Membership | undefined) =>
  membership?.slots === undefined ? undefined : Number(membership.id);

/** hypothesis is among the plugins, and there is no profile of somebody else's for it. */
const wantsProfile = ({ settings, target }: Plan, { HYPOTHESIS_NO_PLUGINS }: Record<string, string | undefined>) =>
  settings.plugins.includes('hypothesis') && !target.hypothesisGentoo && !HYPOTHESIS_NO_PLUGINS;
