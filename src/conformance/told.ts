// How a client is told of its jobserver.
import { withJobserver } from '../jobserver/makeflags.ts';

/** `fifo:PATH`, or two inherited descriptors `R,W`. */
export const STYLES = ['fifo', 'fds'] as const;
export type Style = (typeof STYLES)[number];

/** Where descriptors are inherited. */
const [READ, WRITE] = [8, 9];

/** What starts `command` as a client of the node at `path`; for descriptors a shell opens it, each end for itself. */
export function onPath(style: Style, path: string, command: readonly string[]): string[] {
  if (style === 'fifo') return [...command];
  return ['/bin/sh', '-c', `exec ${READ}<"$0" ${WRITE}>"$0" "$@"`, path, ...command];
}

/** `slots`: that can be taken, beside the client's own. */
export function environmentOn(style: Style, path: string, slots: number): { MAKEFLAGS: string } {
  const auth = style === 'fifo' ? { style, path } : { style, read: READ, write: WRITE };
  return { MAKEFLAGS: withJobserver('', auth, slots + 1) };
}
