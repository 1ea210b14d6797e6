// The clients on PATH: their versions, and with that how each finds a jobserver.
import { type NodeChoice, nodeFor } from '../../process/clients.ts';
import { findCommand } from '../command.ts';
import { atLeast, type Version, Versions } from '../versions.ts';
import type { Tool } from './facts.ts';

/** Since which version each takes a path, and what an older one takes. */
const SINCE: Readonly<Record<string, { path: Version; before: 'descriptors' | 'nothing' }>> = {
  make: { path: [4, 4], before: 'descriptors' },
  ninja: { path: [1, 13], before: 'nothing' },
  ctest: { path: [3, 29], before: 'nothing' },
  gcc: { path: [13, 0], before: 'descriptors' },
};
/** Not asked for its version: rustup's cargo may fetch one for that. Every one in use takes a path. */
const UNASKED = 'cargo';

/** `shown`: whether the machine's pool has a node to show them. */
export function toolsOn(path: string | undefined, cache: string, shown: boolean): Tool[] {
  const versions = new Versions(cache);
  return [...Object.keys(SINCE), UNASKED].flatMap((name) => {
    const place = placeOf(name, path);
    if (place === undefined) return [];
    const version = name === UNASKED ? undefined : versions.of(name, path);
    const takes = takesOf(name, version);
    const node: NodeChoice['node'] | undefined = shown && takes === 'path' ? nodeFor(name).node : undefined;
    return [{ name, path: place, version, takes, ...(node !== undefined && { node }) }];
  });
}

function takesOf(name: string, version: Version | undefined): Tool['takes'] {
  const since = SINCE[name];
  if (since === undefined) return 'path';
  if (version === undefined) return undefined;
  return atLeast(version, since.path) ? 'path' : since.before;
}

function placeOf(name: string, path: string | undefined): string | undefined {
  try {
    return findCommand(name, path);
  } catch {
    return undefined;
  }
}
