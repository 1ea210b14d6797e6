// A lease from the pool that `stint run` would use here.
import { findRuntime } from '../process/runtime-dir.ts';
import { NoDaemon } from './call.ts';
import { type Lease, type LeaseEvent, takeLease } from './lease.ts';
import { run } from './run.ts';

export interface LeaseOptions {
  /** Slots that are needed at once; default: 1. */
  min?: number;
  /** As many as are fair, up to this; default: `min`. */
  max?: number;
  /** What people will see; default: the name of the program. */
  label?: string;
  /** The pool of this user, even where the machine has one. */
  user?: boolean;
  /** Gives it up while it waits, and back afterwards. */
  signal?: AbortSignal;
  /** Told of what happens to it, from the first number of slots on. */
  changed?: (event: LeaseEvent) => void;
}

/**
 * Waits until all of `min` slots are there and takes them, with as many more as are fair. A process has one lease: a second one
 * gets of the slots of the first.
 * @throws Refused when it can never be, NoDaemon when there is no pool and none could be started
 */
export async function lease(options: LeaseOptions = {}): Promise<Lease> {
  const { min = 1, max = min, label = process.title, user = false, signal, changed } = options;
  const take = () => takeLease(findRuntime(process.env, { user }), { min, max, label }, { signal, changed });
  try {
    return await take();
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error;
  }
  await run(['true'], { user, stdio: 'ignore' }); // starts the user's daemon
  return take();
}
