// `stint serve --compat-path PATH`: a symbolic link to the node at the path of another jobserver, for settings that name that one. What
// stands there and is not such a link is left alone.
import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { reason, StintError } from '../errors.ts';

/** Makes the link; one that a daemon before this has left is taken over. @throws StintError */
export function link(path: string, node: string): void {
  if (targetOf(path) === node) return;
  try {
    symlinkSync(node, path);
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new StintError(`cannot make ${path}: ${reason(error)}`, {
      cause: error,
      hint: there
        ? 'what stands there is not ours: stop the jobserver that it belongs to, or remove it'
        : 'its folder must be there; it is not made',
    });
  }
}

/** Removes it, if it is still the one to `node`. */
export function unlink(path: string, node: string): void {
  if (targetOf(path) !== node) return;
  try {
    unlinkSync(path);
  } catch {
    // Somebody was faster.
  }
}

/** Where a link leads; undefined: there is none. */
function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
