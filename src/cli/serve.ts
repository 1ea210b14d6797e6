// `stint serve`: the pool of the machine, or with --user of one user, in the foreground. This process is the keeper; the daemon
// itself is the engine process that it starts. It says READY=1 to a service manager.
import { execFile } from 'node:child_process';
import { flushCompileCache } from 'node:module';
import { EXIT } from '../errors.ts';
import { handOver, restartedUnit, takeHandedOver } from '../keeper/handover.ts';
import { Keeper } from '../keeper/keeper.ts';
import { takeLock } from '../keeper/lock.ts';
import { execProgram } from '../kernel/exec.ts';
import { exitNow } from '../kernel/exit.ts';
import { notifySystemd } from '../kernel/notify.ts';
import { boundPrivileges, CAPABILITY } from '../kernel/privileges.ts';
import { ensureRuntimeDir, runtimeDir } from '../process/runtime-dir.ts';
import { showHelp } from './args.ts';
import { bytesOf } from './bytes.ts';
import { logged as note } from './log.ts';
import { serveOptions } from './serve-options.ts';
import { SERVE } from './verbs/serve.ts';

/** The variable by which a keeper that goes on as another program finds what it has left to itself. */
const LEFT = 'STINT_LEFT';

/**
 * What a daemon needs of root: to mount and unmount, to read /proc of all users, to end builds whose time is over, to be told of pressure
 * within a second, and to give the device to its group. The unit of the service says the same.
 */
const PRIVILEGES = Object.values(CAPABILITY);

/** A daemon makes little garbage: it need not grow to hold much of it. */
const SMALL = '--max-semi-space-size=1';

export async function serve(args: readonly string[]): Promise<number> {
  const options = serveOptions(args);
  if (options.has('help')) return showHelp(SERVE);
  process.umask(0o077); // whatever it was where somebody happened to start the daemon
  boundPrivileges(PRIVILEGES);
  const left = process.env[LEFT];
  delete process.env[LEFT];
  const handed = takeHandedOver();
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
    handed,
    ...(left === undefined && handed === undefined && options.has('user') && { lock: lockOfUser() }),
    become: (left) => becomeAgain([...own, ...args], left),
  });
  process.on('uncaughtException', (error) => {
    note(`internal error: ${error.stack ?? error}`, 'error');
    exitNow(EXIT.FAILED); // Node's own way out would wait for the thread of the pool that waits for the engine
  });
  const leave = () => {
    notifySystemd('STOPPING=1');
    keeper.stop();
  };
  process.on('SIGINT', leave);
  process.once('SIGTERM', async () => {
    process.on('SIGTERM', leave);
    const unit = await restartedUnit().catch(() => undefined); // in any doubt it is a stop
    if (unit === undefined) leave();
    else keeper.restart((left, fds) => handOver(unit, left, fds));
  });
  process.on('SIGHUP', () => keeper.reload());
  process.on('SIGUSR2', () => {
    // Whoever cannot even say what it is for would take everything down with it.
    execFile(process.execPath, [...own.slice(1), '--help'], (error) => {
      if (error === null) keeper.upgrade();
      else note(`not upgraded: the program does not start: ${error.message.trim()}`, 'error');
    });
  });
  exitNow(await keeper.done);
}

/** Replaces this process by the same command, which finds by `left` what was kept. @throws SystemError */
function becomeAgain(args: readonly string[], left: number): never {
  const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  execProgram(process.execPath, args.map(bytesOf), [...environment, `${LEFT}=${left}`].map(bytesOf));
}

/** Of several that start at once for a user, all but one shall leave before they start an engine process. @throws StintError */
function lockOfUser(): number {
  const runtime = runtimeDir(process.env);
  ensureRuntimeDir(runtime.dir);
  return takeLock(runtime, process.pid);
}
