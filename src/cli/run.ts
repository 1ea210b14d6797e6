// `stint run`: registers this process as the root of a build, waits for its first slot, and becomes the command. No wrapper
// stays: signals, the terminal, job control and the exit status are the command's own, and the daemon watches its process.
import { constants, lstatSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import { type BuildOpened, type LeaseList, type LeaseOpened, MAX_CAPACITY } from '../api/schema.ts';
import { EXIT, reason, StintError } from '../errors.ts';
import { withJobserver } from '../jobserver/makeflags.ts';
import { duplicateForExec } from '../kernel/exec.ts';
import { findRuntime, machineDir, type RuntimeDir } from '../process/runtime-dir.ts';
import { parse, showHelp, wholeNumber } from './args.ts';
import { call, newClaim } from './client.ts';
import { currentDirectory } from './cwd.ts';
import { type Demands, demandsOf, type Slots } from './demands.ts';
import type { Environment } from './environment.ts';
import { exportSlots } from './exports.ts';
import { note } from './print.ts';
import { reach } from './reach.ts';
import { Successor } from './successor.ts';
import { RUN } from './verbs/run.ts';

/** When to say that CMD waits, milliseconds. */
const SILENCE = 1_000;
/** Inherited descriptors are numbered from here: shell scripts use those below for themselves. */
const FIRST_FD = 10;
const JOBS = { min: 1, max: MAX_CAPACITY, exit: EXIT.RUN_INTERNAL };

type Lease = Membership & { slots: number };

export async function run(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(args, RUN.options, 'run', EXIT.RUN_INTERNAL);
  if (options.has('help')) return showHelp(RUN);
  const style = options.get('style') ?? 'auto';
  if (style !== 'auto' && style !== 'fifo' && style !== 'fds') {
    throw new StintError(`--style must be auto, fifo or fds, not '${style}'`, { exit: EXIT.RUN_INTERNAL });
  }
  const jobs = wholeNumber(options, 'jobs', JOBS);
  const demands = demandsOf(options, EXIT.RUN_INTERNAL);
  if (operands.length === 0) {
    throw new StintError('run: no command given', { exit: EXIT.RUN_INTERNAL, hint: 'for example: stint run -- make' });
  }
  const command = new Successor(operands.length);
  const { environment } = command;
  try {
    const runtime = findRuntime(process.env, { user: options.has('user') });
    const outer = joinOuter(environment);
    const own = { ...demands, jobs, user: options.has('user'), label: options.get('label') ?? labelOf(operands) };
    const build = outer ? within(outer, demands, environment) : await enter(runtime, own);
    const { slots } = build;
    if (slots !== undefined) command.args = await giveSlots(environment, command.args, { ...build, slots });
    await giveJobserver(environment, build, style, { args: command.args, cache: runtime.tools });
  } catch (error) {
    // Whatever it would be for another verb: for this one it is a failure of stint, not of the command.
    if (error instanceof StintError && error.exit !== EXIT.RUN_TIMED_OUT) error.exit = EXIT.RUN_INTERNAL;
    throw error;
  }
  return command.become();
}

/** What a build needs to know of its pool. */
type Membership = Pick<BuildOpened, 'fifo' | 'capacity'> & {
  id: string;
  /** Those of a lease, the one of the command's own job among them. */
  slots?: number;
};

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
async function giveSlots(environment: Environment, args: readonly string[], { id, slots }: Lease): Promise<string[]> {
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
async function enter(
  runtime: RuntimeDir,
  { slots, signal, jobs, user, ...common }: Demands & { jobs: number | undefined; user: boolean; label: string },
): Promise<Membership> {
  const body = { ...common, cwd: currentDirectory(), claim: newClaim() };
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
      note(`the pool has ${opened.capacity} slots already; --jobs ${jobs} counts only for the command that starts it`);
    }
    return { ...opened, id: String(opened.id) };
  } finally {
    clearTimeout(waiting);
  }
}

/** Says that the command waits, and where it stands in the queue. */
async function tellWait(runtime: RuntimeDir, slots: Slots | undefined): Promise<void> {
  if (slots === undefined) {
    note('waiting for a slot; see: stint status');
    return;
  }
  const { leases } = await call<LeaseList>(runtime, 'GET', '/leases').catch(() => ({ leases: [] }));
  const own = leases.find(({ rootPid, state }) => rootPid === process.pid && state === 'starting');
  const place = own?.reason === undefined ? '' : ` (${own.reason})`;
  note(`waiting for ${slots.min === 1 ? 'a slot' : `${slots.min} slots`}${place}; see: stint status`);
}

/** Puts the jobserver into the environment, and for `fds` opens it. */
async function giveJobserver(
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
    if (choice.note !== undefined) note(choice.note);
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

const labelOf = ([command]: readonly string[]): string =>
  `${basename(command as string)} ${basename(currentDirectory())}`.trimEnd();
