// Where a daemon keeps what outlives it.
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Of the machine: what the service manager made for it, else /var/lib/stint. Of a user: by the XDG base directories. */
export function stateDir(env: NodeJS.ProcessEnv, { system }: { system: boolean }): string {
  if (system) return env.STATE_DIRECTORY?.split(':', 1)[0] || '/var/lib/stint';
  const base = env.XDG_STATE_HOME;
  return join(base?.startsWith('/') ? base : join(homedir(), '.local/state'), 'stint');
}
