// Whose a user is. Whoever has subordinate users (subuid(5)), as for containers of his own, can run processes as any of thousands: he is one user all
// the same when it comes to what one may have.
import { readFileSync } from 'node:fs';
import { userId } from './groups.ts';

/** How long the file is believed, milliseconds. */
const AGAIN = 10_000;

interface Range {
  owner: number;
  first: number;
  count: number;
}

let ranges: readonly Range[] = [];
let readAt = Number.NEGATIVE_INFINITY;

/** The user whose subordinate `uid` is, else `uid` itself. Subordinates of root are users of their own: root has no bounds. */
export function ownerOf(uid: number): number {
  const now = performance.now();
  if (now - readAt > AGAIN) {
    ranges = rangesIn(textOf('/etc/subuid'));
    readAt = now;
  }
  return ownerAmong(ranges, uid);
}

export function ownerAmong(among: readonly Range[], uid: number): number {
  return among.find(({ first, count }) => uid >= first && uid < first + count)?.owner ?? uid;
}

/** Lines of NAME-OR-NUMBER:FIRST:COUNT. */
export function rangesIn(text: string, idOf: (name: string) => number | undefined = userId): Range[] {
  return text.split('\n').flatMap((line) => {
    const [, name = '', first, count] = /^([^:#]+):(\d+):(\d+)$/.exec(line) ?? [];
    const owner = name === '' ? undefined : idOf(name);
    // A range that holds its owner, or root, is none.
    if (!owner || Number(first) === 0) return [];
    return [{ owner, first: Number(first), count: Number(count) }];
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // nobody has any
  }
}
