// Becoming part of a pool: of the build or the lease around this process, or as the root of one of its own; and telling the command that
// this process is to become what it has, by its environment.
import { constants, lstatSync, openSync } from 'node:fs';
import type { BuildOpened, LeaseList, LeaseOpened } from '../api/schema.ts';
import { reason, StintError } from '../errors.ts';
import { withJobserver } from '../jobserver/makeflags.ts';
import { duplicateForExec } from '../kernel/exec.ts';
import { currentDirectory } from '../process/cwd.ts';
import { machineDir, type RuntimeDir } from '../process/runtime-dir.ts';
import { call, newClaim } from './client.ts';
import type { Demands, Slots } from './demands.ts';
import type { Environment } from './environment.ts';
import { exportSlots } from './exports.ts';
import { note } from './print.ts';
import { reach } from './reach.ts';

/** When to say that the command waits, milliseconds. */
const SILENCE = 1_000;
/** Inherited descriptors are numbered from here: shell scripts use those below for themselves. */
const FIRST_FD = 10;

export interface Wanted extends Demands {
  /** Slots of the user's pool, where its daemon has to be started; undefined: its default. */
  jobs: number | undefined;
  /** The pool of the user, even where the machine has one. */
  user: boolean;
  label: string;
}

/** What a build needs to know of its pool. */
export type Membership = Pick<BuildOpened, 'fifo' | 'capacity'> & {
  id: string;
  /** Those of a lease, the one of the command's own job among them. */
  slots?: number;
};

type Lease = Membership & { slots: number };

/**
 * Makes this process the root of a build or a lease, or part of the one around it; waits for its slots.
 * @throws StintError when it cannot have them
 */
export async function join(runtime: RuntimeDir, environment: Environment, wanted: Wanted): Promise<Membership> {
  const outer = joinOuter(environment);
  return outer ? within(outer, wanted, environment) : enter(runtime, wanted);
}

/** The outer build, when there is one whose FIFO is still there. */
function joinOuter(environment: Environment): Membership | undefined {
  const fifo = environment.get('STINT_FIFO');
  if (fifo === undefined || fifo === machineDir(process.env).fifo) return undefined; // the machine's daemon knows by itself
  try {
    const found = lstatSync(fifo);
    if (!found.isFIFO() || found.uid !== process.getuid?.()) return undefined;
  } catch {
    return undefined;
  }
  return { fifo, id: environment.get('STINT_BUILD') ?? '', capacity: Number(environment.get('STINT_CAPACITY')) || 1 };
}

/** The part that a command has of the build around it. @throws StintError when that cannot give what is asked for */
function within(outer: Membership, { slots, timeout }: Demands, environment: Environment): Membership {
  const refuse = (why: string, hint: string) => new StintError(`inside build ${outer.id}: ${why}`, { hint });
  if (timeout !== undefined)
    throw refuse('it has its own end', 'give --timeout to the outer command, or use timeout(1)');
  if (slots === undefined) return outer;
  if (outer.id === '' || environment.get('STINT_LEASE') !== outer.id) {
    throw refuse('it has slots already, and could wait for itself', 'give --slots to the outer command');
  }
  const has = Number(environment.get('STINT_SLOTS')) || 1;
  if (has < slots.min) throw refuse(`it has ${has} slots, not ${slots.min}`, 'give more --slots to the outer command');
  return { ...outer, slots: Math.min(has, slots.max) };
}

/** Tells the command how many slots it has. Returns it with the number in the place of `{slots}`. */
export async function giveSlots(
  environment: Environment,
  args: readonly string[],
  { id, slots }: Lease,
): Promise<string[]> {
  const { toolOf } = await import('./style.ts');
  const runsMake = toolOf({ args, cwd: currentDirectory() }) === 'make';
  const { command, variables } = exportSlots(args, slots, runsMake);
  environment.set('STINT_LEASE', id);
  environment.set('STINT_SLOTS', String(slots));
  const ours = environment.get('STINT_EXPORTS')?.split(' ') ?? []; // of a lease around this one
  const set = variables.filter(({ name }) => environment.get(name) === undefined || ours.includes(name));
  for (const { name, value } of set) environment.set(name, value);
  environment.set('STINT_EXPORTS', set.map(({ name }) => name).join(' '));
  return command;
}

/** Becomes the root of a build or a lease of the daemon. Returns when it has its first slot, or all it asked for. */
async function enter(runtime: RuntimeDir, { slots, signal, jobs, user, ...common }: Wanted): Promise<Membership> {
  const body = { ...common, cwd: currentDirectory(), claim: newClaim() };
  await import('./style.ts'); // needed in the end, when an upgrade may have taken it away
  let waiting: NodeJS.Timeout | undefined;
  const ask = (place: RuntimeDir) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => void tellWait(place, slots), SILENCE).unref();
    return slots === undefined
      ? call<BuildOpened>(place, 'POST', '/builds', { ...body, implicit: 1 })
      : call<LeaseOpened>(place, 'POST', '/leases', { ...body, ...slots, signal });
  };
  try {
    const opened: BuildOpened & { slots?: number } = await reach(runtime, { jobs, user, ask });
    if (jobs !== undefined && jobs !== opened.capacity) {
      note(
        `the pool has ${opened.capacity} slots already; --jobs ${jobs} counts only for the command that starts it`,
        'notice',
      );
    }
    return { ...opened, id: String(opened.id) };
  } finally {
    clearTimeout(waiting);
  }
}

/** Says that the command waits, and where it stands in the queue. */
async function tellWait(runtime: RuntimeDir, slots: Slots | undefined): Promise<void> {
  if (slots === undefined) {
    note('waiting for a slot; see: stint status', 'info');
    return;
  }
  const { leases } = await call<LeaseList>(runtime, 'GET', '/leases').catch(() => ({ leases: [] }));
  const own = leases.find(({ rootPid, state }) => rootPid === process.pid && state === 'starting');
  const place = own?.reason === undefined ? '' : ` (${own.reason})`;
  note(`waiting for ${slots.min === 1 ? 'a slot' : `${slots.min} slots`}${place}; see: stint status`, 'info');
}

/** Puts the jobserver into the environment, and for `fds` opens it. */
export async function giveJobserver(
  environment: Environment,
  { fifo, id, slots, ...pool }: Membership,
  wanted: 'auto' | 'fifo' | 'fds',
  { args, cache }: { args: readonly string[]; cache: string },
): Promise<void> {
  const capacity = slots ?? pool.capacity;
  let style = wanted;
  if (style === 'auto') {
    const { chooseStyle } = await import('./style.ts');
    const choice = chooseStyle({ args, path: environment.get('PATH'), cwd: currentDirectory(), cache });
    style = choice.style;
    if (choice.note !== undefined) note(choice.note, 'notice');
  }
  const auth = style === 'fifo' ? { style, path: fifo } : { style: 'fds' as const, ...openForCommand(fifo) };
  environment.set('MAKEFLAGS', withJobserver(environment.get('MAKEFLAGS') ?? '', auth, capacity));
  environment.set('CARGO_MAKEFLAGS', withJobserver('', auth, capacity));
  environment.set('STINT_BUILD', id);
  environment.set('STINT_FIFO', fifo);
  environment.set('STINT_CAPACITY', String(capacity));
}

function openForCommand(fifo: string): { read: number; write: number } {
  try {
    openSync(fifo, constants.O_RDWR); // so that the next two cannot block, whatever becomes of the daemon; exec closes it
    const read = openSync(fifo, constants.O_RDONLY);
    const write = openSync(fifo, constants.O_WRONLY);
    return { read: duplicateForExec(read, FIRST_FD), write: duplicateForExec(write, FIRST_FD) };
  } catch (error) {
    const scarce = (error as NodeJS.ErrnoException).code === 'ENFILE';
    const hint = scarce ? { hint: 'the daemon has no descriptor left: its log says what to do' } : {};
    throw new StintError(`cannot open ${fifo}: ${reason(error)}`, { ...hint, cause: error });
  }
}
