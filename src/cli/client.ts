// What the verbs use of the API's client, and a question to a daemon that must be there, with what is said to people when it is not.
import { call, NoDaemon, Refused } from '../client/call.ts';
import { EXIT, StintError } from '../errors.ts';
import type { RuntimeDir } from '../process/runtime-dir.ts';

export { call, NoDaemon, newClaim, Refused } from '../client/call.ts';

/**
 * The same for a verb that needs a daemon which is there already.
 * @throws StintError, with EXIT.NO_DAEMON where there is none
 */
export async function question<T>(runtime: RuntimeDir, method: string, path: string, body?: unknown): Promise<T> {
  try {
    return await call<T>(runtime, method, path, body);
  } catch (error) {
    if (error instanceof Refused) {
      throw new StintError(error.message, { cause: error, exit: error.status === 400 ? EXIT.USAGE : EXIT.FAILED });
    }
    if (!(error instanceof NoDaemon)) throw error;
    throw new StintError(`no daemon is running for ${runtime.dir}`, {
      exit: EXIT.NO_DAEMON,
      hint: "'stint run -- CMD' starts one, 'stint serve --user' another way",
      cause: error,
    });
  }
}
