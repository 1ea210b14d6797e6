// Where a daemon keeps what outlives it.
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Of the machine: what the service manager made for it, else /var/lib/stint. Of a user: by the XDG base directories; undefined where these belong to
 * somebody else, as under sudo: his links could lead anywhere.
 */
export function stateDir(env: NodeJS.ProcessEnv, { system }: { system: boolean }): string | undefined {
  if (system) return env.STATE_DIRECTORY?.split(':', 1)[0] || '/var/lib/stint';
  const base = env.XDG_STATE_HOME;
  if (base?.startsWith('/')) return isForeign(base) ? undefined : join(base, 'stint');
  const home = homedir();
  return isForeign(home) ? undefined : join(home, '.local/state/stint');
}

function isForeign(folder: string): boolean {
  try {
    const found = statSync(folder, { throwIfNoEntry: false });
    return found !== undefined && found.uid !== process.getuid?.();
  } catch {
    return true; // it cannot even be looked at
  }
}
