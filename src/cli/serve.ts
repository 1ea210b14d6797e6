// `stint serve`: the pool of the machine, or with --user of one user, in the foreground. This process is the keeper; the daemon
// itself is the engine process that it starts. It says READY=1 to a service manager.
import { execFile } from 'node:child_process';
import { flushCompileCache } from 'node:module';
import { MAX_CAPACITY } from '../api/schema.ts';
import { EXIT } from '../errors.ts';
import { Keeper } from '../keeper/keeper.ts';
import { takeLock } from '../keeper/lock.ts';
import { execProgram } from '../kernel/exec.ts';
import { exitNow } from '../kernel/exit.ts';
import { notifySystemd } from '../kernel/notify.ts';
import { ensureRuntimeDir, runtimeDir } from '../process/runtime-dir.ts';
import { note, print } from './print.ts';
import { serveOptions } from './serve-options.ts';

const HELP = `Usage: stint serve [--config FILE] [--mount DIR] [--jobs N] [--strict]
       stint serve --user [--jobs N] [--strict] [--idle-exit SECONDS]
Serve a pool of job slots, in the foreground: to the whole machine (as root), or to the builds of this user.

      --mount DIR          where the node of the machine is: DIR/jobserver; default: $STINT_MOUNT, else /run/stint
      --config FILE        settings of the machine's pool (TOML); options given here go before it
      --jobs N             slots in the pool, 1 to ${MAX_CAPACITY}; default: the processors this process may use
      --strict             never give more slots than the pool has: a new build waits for its first; default: a few at a
                           time begin at once, beyond the pool, and the next slots that come back pay for them
      --user               the pool of one user, without root
      --idle-exit SECONDS  with --user: leave after so long without a build; default: never
  -h, --help               this text

SIGHUP: read the configuration again. SIGUSR2: go on as the program that is installed now: see stint upgrade --help.
SIGTERM, SIGINT: with --user leave at once; otherwise take no new builds and
wait for those that run, as on_term and stop_timeout in the configuration say; a second one: leave at once. Builds that
run then go on with the slots that lie in their pipes; clients of the file node get an error.
Exit status: 0 after a signal or idleness; 1 when it cannot serve; 2 for bad usage;
4 when another daemon serves this machine, or this user, already.
`;

/** The variable by which a keeper that goes on as another program finds what it has left to itself. */
const LEFT = 'STINT_LEFT';

/** A daemon makes little garbage: it need not grow to hold much of it. */
const SMALL = '--max-semi-space-size=1';

export async function serve(args: readonly string[]): Promise<number> {
  const options = serveOptions(args);
  if (options.has('help')) return print(HELP);
  process.umask(0o077); // whatever it was where somebody happened to start the daemon
  const left = process.env[LEFT];
  delete process.env[LEFT];
  const program = process.argv[1] as string;
  const own = [process.execPath, ...process.execArgv, program, 'serve'];
  const node = [...process.execArgv, SMALL, program];
  const keeper = new Keeper({
    engine: [...node, 'engine', String(process.pid), ...args],
    plain: [...node, 'plain', String(process.pid)],
    spare: !options.has('user'), // in a user's pool nobody waits for an answer while he builds
    ready: (status) => {
      flushCompileCache(); // a keeper that is killed leaves it to the next
      notifySystemd(`READY=1\nSTATUS=${status}`);
    },
    note,
    ...(left !== undefined && { left: Number(left) }),
    ...(left === undefined && options.has('user') && { lock: lockOfUser() }),
    become: (left) => becomeAgain([...own, ...args], left),
  });
  process.on('uncaughtException', (error) => {
    note(`internal error: ${error.stack ?? error}`);
    exitNow(EXIT.FAILED); // Node's own way out would wait for the thread of the pool that waits for the engine
  });
  const leave = () => {
    notifySystemd('STOPPING=1');
    keeper.stop();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, leave);
  process.on('SIGHUP', () => keeper.reload());
  process.on('SIGUSR2', () => {
    // Whoever cannot even say what it is for would take everything down with it.
    execFile(process.execPath, [...own.slice(1), '--help'], (error) => {
      if (error === null) keeper.upgrade();
      else note(`not upgraded: the program does not start: ${error.message.trim()}`);
    });
  });
  exitNow(await keeper.done);
}

/** Replaces this process by the same command, which finds by `left` what was kept. @throws SystemError */
function becomeAgain(args: readonly string[], left: number): never {
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  const bytes = (text: string) => Buffer.from(text).toString('latin1');
  execProgram(process.execPath, args.map(bytes), [...environment, `${LEFT}=${left}`].map(bytes));
}

/** Of several that start at once for a user, all but one shall leave before they start an engine process. @throws StintError */
function lockOfUser(): number {
  const runtime = runtimeDir(process.env);
  ensureRuntimeDir(runtime.dir);
  return takeLock(runtime, process.pid);
}
