// Reaching a daemon with a request that makes this process a build or a lease: one of the user's is started where there is none.
import { EXIT, StintError } from '../errors.ts';
import { findRuntime, isMachineDead, machineDir, type RuntimeDir, runtimeDir } from '../process/runtime-dir.ts';
import { NoDaemon, Refused } from './client.ts';
import { note } from './print.ts';

/** How long to try to reach a daemon, milliseconds. */
const PATIENCE = 10_000;
/** How often to start a daemon before something must be wrong. */
const MAX_STARTS = 20;
const MACHINE_LEFT = "the machine's daemon has left; using the pool of this user";

interface Way<T> {
  /** Slots of a daemon that is started here; undefined: as many as there are processors. */
  jobs: number | undefined;
  /** Whether the user's pool was asked for. */
  user: boolean;
  /** The request. */
  ask(runtime: RuntimeDir): Promise<T>;
}

/** The pool of the build that this process is in, else the one that it would use. */
export function poolAround({ user }: { user: boolean }): RuntimeDir {
  const fifo = process.env.STINT_FIFO;
  return findRuntime(process.env, { user: user || (fifo !== undefined && fifo !== machineDir(process.env).fifo) });
}

/** The answer of the daemon of `found`, or of the user's when that has left. @throws StintError */
export async function reach<T>(found: RuntimeDir, { jobs, user, ask }: Way<T>): Promise<T> {
  if (!user && !found.system && isMachineDead(process.env)) note(MACHINE_LEFT);
  const deadline = performance.now() + PATIENCE;
  let runtime = found;
  let starts = 0;
  for (;;) {
    try {
      return await ask(runtime);
    } catch (error) {
      const leaving = error instanceof Refused && error.status === 503 && error.message === 'the daemon is leaving';
      if (error instanceof Refused && !leaving) throw refusal(error, runtime);
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
}

function refusal(error: Refused, { system }: RuntimeDir): StintError {
  if (error.status === 504) return new StintError(error.message, { exit: EXIT.RUN_TIMED_OUT, cause: error });
  const hint = system && error.status !== 409 ? { hint: 'for a pool of your own: --user' } : {};
  return new StintError(`the daemon refused: ${error.message}`, { cause: error, ...hint });
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
