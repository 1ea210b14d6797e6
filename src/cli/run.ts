// `stint run`: registers this process as the root of a build, waits for its first slot, and becomes the command. No wrapper
// stays: signals, the terminal, job control and the exit status are the command's own, and the daemon watches its process.
import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import os from 'node:os';
import { basename } from 'node:path';
import { type BuildOpened, MAX_CAPACITY } from '../api/schema.ts';
import { EXIT, reason, StintError } from '../errors.ts';
import { withJobserver } from '../jobserver/makeflags.ts';
import {
  blockSignals,
  defaultSignal,
  duplicateForExec,
  ignoreSignal,
  keepOnExec,
  keepStreamFlags,
  setOpenFilesLimit,
} from '../kernel/exec.ts';
import { type Launch, parseLaunch, rawArguments, userEnvironment } from '../process/launch.ts';
import { findRuntime, isMachineDead, machineDir, type RuntimeDir, runtimeDir } from '../process/runtime-dir.ts';
import { parse, wholeNumber } from './args.ts';
import { call, NoDaemon, Refused } from './client.ts';
import { becomeCommand, findCommand } from './command.ts';
import { note, print } from './print.ts';

const HELP = `Usage: stint run [OPTION]... [--] CMD [ARG]...
Run CMD as a build that draws its job slots from the pool of this machine, or of this user where the machine has none.
The first slot is taken before CMD starts. Inside another 'stint run', CMD joins the outer build.

      --user        the pool of this user, even where the machine has one
      --jobs N      slots of the user's pool, 1 to ${MAX_CAPACITY}, if this command has to start its daemon;
                    default: the processors this process may use
      --style STYLE how CMD finds its slots: 'fifo' (a path; GNU make >= 4.4, ninja >= 1.13, cargo), 'fds' (inherited
                    descriptors; also GNU make < 4.4), or 'auto' (default): what CMD and the make on PATH can use
      --label TEXT  the name that 'stint status' shows; default: the command and its directory
  -h, --help        this text

Exit status: that of CMD; 125 when stint itself fails; 126 when CMD cannot be run; 127 when it is not found.
`;

/** How long to try to reach a daemon, milliseconds. */
const PATIENCE = 10_000;
/** How often to start a daemon before something must be wrong. */
const MAX_STARTS = 20;
/** When to say that CMD waits, milliseconds. */
const SILENCE = 1_000;
const MACHINE_LEFT = "the machine's daemon has left; using the pool of this user";
/** Inherited descriptors are numbered from here: shell scripts use those below for themselves. */
const FIRST_FD = 10;
const { signals } = os.constants;

type Options = ReturnType<typeof parse>['options'];

export async function run(args: readonly string[]): Promise<number> {
  const { options, operands } = parse(
    args,
    { user: 'flag', jobs: 'value', style: 'value', label: 'value' },
    'run',
    EXIT.RUN_INTERNAL,
  );
  if (options.has('help')) return print(HELP);
  const style = options.get('style') ?? 'auto';
  if (style !== 'auto' && style !== 'fifo' && style !== 'fds') {
    throw new StintError(`--style must be auto, fifo or fds, not '${style}'`, { exit: EXIT.RUN_INTERNAL });
  }
  const jobs = wholeNumber(options, 'jobs', { min: 1, max: MAX_CAPACITY, exit: EXIT.RUN_INTERNAL });
  if (operands.length === 0) {
    throw new StintError('run: no command given', { exit: EXIT.RUN_INTERNAL, hint: 'for example: stint run -- make' });
  }
  const launch = parseLaunch(process.env.STINT_LAUNCH);
  for (const number of launch.ignored) ignoreSignal(number); // Node has undone it, and the wait may be long
  const resetStreamFlags = keepStreamFlags();
  const command = rawArguments(operands.length);
  const environment = new Environment(userEnvironment());
  const file = findCommand(command[0] as string, environment.get('PATH'));
  try {
    const user = options.has('user');
    const runtime = findRuntime(process.env, { user });
    if (!user && !runtime.system && isMachineDead(process.env)) note(MACHINE_LEFT);
    const build = joinOuter(environment) ?? (await enter(runtime, options, operands, jobs));
    await giveJobserver(environment, build, style, { args: command, cache: runtime.tools });
  } catch (error) {
    // Whatever it would be for another verb: for this one it is a failure of stint, not of the command.
    if (error instanceof StintError) error.exit = EXIT.RUN_INTERNAL;
    throw error;
  }
  flushCompileCache(); // what Node does at an exit that never comes
  resetStreamFlags();
  restoreProcess(launch);
  return becomeCommand(file, command, environment.entries());
}

/** What a build needs to know of its pool. */
type Membership = Pick<BuildOpened, 'fifo' | 'capacity'> & { id: string };

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

/** Becomes the root of a build of the daemon, which is started if there is none. Returns when the first slot is there. */
async function enter(
  found: RuntimeDir,
  options: Options,
  args: readonly string[],
  jobs: number | undefined,
): Promise<Membership> {
  const cwd = currentDirectory();
  const label = options.get('label') ?? `${basename(args[0] as string)} ${basename(cwd)}`.trimEnd();
  const waiting = setTimeout(() => note(`waiting for a slot; see: stint status`), SILENCE).unref();
  const deadline = performance.now() + PATIENCE;
  let runtime = found;
  let starts = 0;
  try {
    for (;;) {
      try {
        const opened = await call<BuildOpened>(runtime, 'POST', '/builds', { label, cwd, implicit: 1 });
        if (jobs !== undefined && jobs !== opened.capacity) {
          note(
            `the pool has ${opened.capacity} slots already; --jobs ${jobs} counts only for the command that starts it`,
          );
        }
        return { ...opened, id: String(opened.id) };
      } catch (error) {
        const leaving = error instanceof Refused && error.status === 503 && error.message === 'the daemon is leaving';
        if (error instanceof Refused && !leaving) {
          const hint = runtime.system ? { hint: 'for a pool of your own: stint run --user' } : {};
          throw new StintError(`the daemon refused: ${error.message}`, { cause: error, ...hint });
        }
        if (!leaving && !(error instanceof NoDaemon)) throw error;
      }
      if (runtime.system) {
        note(MACHINE_LEFT);
        runtime = runtimeDir(process.env);
        continue;
      }
      if (starts === MAX_STARTS) {
        throw new StintError('the daemon leaves as soon as it has started', { hint: `its log is ${runtime.log}` });
      }
      if (await startOnce(runtime, jobs, deadline)) starts++;
    }
  } finally {
    clearTimeout(waiting);
  }
}

/** Starts a daemon; false when another was faster or has not left yet. @throws StintError */
async function startOnce(runtime: RuntimeDir, jobs: number | undefined, deadline: number): Promise<boolean> {
  const { startDaemon } = await import('./start.ts');
  const ended = await startDaemon(runtime, jobs);
  if (ended === undefined) return true;
  if (ended.code !== EXIT.TAKEN || performance.now() > deadline) {
    throw new StintError(
      `the daemon did not start: ${ended.said.split('\n', 1)[0]?.replace(/^stint: /, '') || `exit code ${ended.code}`}`,
      {
        hint: `its log is ${runtime.log}`,
      },
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 20)); // another one starts, or leaves
  return false;
}

/** Puts the jobserver into the environment, and for `fds` opens it. */
async function giveJobserver(
  environment: Environment,
  { fifo, id, capacity }: Membership,
  wanted: 'auto' | 'fifo' | 'fds',
  { args, cache }: { args: readonly string[]; cache: string },
): Promise<void> {
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
    throw new StintError(`cannot open ${fifo}: ${reason(error)}`, { cause: error });
  }
}

/** Undoes what Node and bin/stint did to this process. */
function restoreProcess(launch: Launch): void {
  for (const number of [signals.SIGPIPE, signals.SIGXFSZ]) defaultSignal(number); // Node ignores them
  for (const number of launch.ignored) ignoreSignal(number); // they may be among these
  blockSignals(launch.blocked);
  if (launch.openFiles !== undefined) setOpenFilesLimit(launch.openFiles);
  for (const fd of launch.fds) keepOnExec(fd);
  for (const fd of launch.closed) closeSync(fd);
}

function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return ''; // it was removed
  }
}

/** Environment variables, one byte per character, in their order. */
class Environment {
  readonly #values = new Map<string, string>();

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const at = entry.indexOf('=', 1);
      if (at !== -1) this.#values.set(entry.slice(0, at), entry.slice(at + 1));
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  entries(): string[] {
    return [...this.#values].map(([name, value]) => `${name}=${value}`);
  }
}
