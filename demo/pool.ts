// A pool for the demo alone: a stint daemon with a runtime folder of its own, so that the user's is left in peace.
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../src/api/schema.ts';
import { kill, run } from './command.ts';

export interface Pool {
  /** The environment in which `stint` finds this pool. */
  env: NodeJS.ProcessEnv;
  /** The command that runs another as a build of this pool. */
  build(argv: string[]): string[];
  status(): Promise<Status>;
  /** The status once all slots are back, or after a moment if they are not. */
  afterwards(): Promise<Status>;
  /** Stops the daemon and removes all that the pool left. */
  close(): Promise<void>;
}

const stint = resolve(import.meta.dirname, '../bin/stint');
const patience = 5000;

/** Starts the daemon, with so many slots. */
export async function openPool(slots: string, base: NodeJS.ProcessEnv): Promise<Pool> {
  const runtime = await mkdtemp('/tmp/stint-demo-');
  const env = { ...base, XDG_RUNTIME_DIR: runtime };
  const ask = async (): Promise<Status> => JSON.parse(await run([stint, 'status', '--json'], { env }));
  const close = async () => {
    await ask().then(({ daemon }) => stop(daemon.pid), ignore);
    await rm(runtime, { recursive: true, force: true });
  };
  try {
    await run([stint, 'run', '--jobs', slots, '--', 'true'], { env });
    const { daemon } = await ask();
    const status = () => getStatus(daemon.socket);
    return { env, build: (argv) => [stint, 'run', '--', ...argv], status, afterwards: () => allFree(status), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** There is no daemon to stop. */
function ignore() {}

/** What `stint status --json` prints, without a new process each time. */
async function getStatus(socketPath: string): Promise<Status> {
  return await new Promise((done, failed) => {
    get({ socketPath, path: '/status' }, (answer) => json(answer).then((body) => done(body as Status), failed)).on(
      'error',
      failed,
    );
  });
}

async function allFree(status: Pool['status']): Promise<Status> {
  const deadline = performance.now() + patience;
  for (;;) {
    const now = await status();
    if (now.free === now.capacity || performance.now() > deadline) return now;
    await sleep(50);
  }
}

async function stop(pid: number): Promise<void> {
  kill(pid, 'SIGTERM');
  for (const deadline = performance.now() + patience; kill(pid, 0); await sleep(20)) {
    if (performance.now() > deadline) kill(pid, 'SIGKILL');
  }
}
