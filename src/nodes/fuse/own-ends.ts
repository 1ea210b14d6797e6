// The daemon's own ends of the pipes on its mount. Never to be called on the thread that serves the mount: opening asks it.
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { openReadEnd, openWriteEnd } from '../../kernel/fifo.ts';
import type { Ends } from '../pipe.ts';
import { PIPE_PREFIX } from './directory.ts';

/** The ends of the pipe `id`, and of the one that returns go into unless `returnId` is 0; undefined when they cannot be opened. */
export function openOwnEnds(mount: string, { id, returnId }: { id: number; returnId: number }): Ends | undefined {
  const name = (of: number) => join(mount, `${PIPE_PREFIX}${of}`);
  const opened: number[] = [];
  const keep = (fd: number) => {
    opened.push(fd);
    return fd;
  };
  try {
    const readEnd = keep(openReadEnd(name(id)));
    const writeEnd = keep(openWriteEnd(name(id)));
    const both = constants.O_RDWR | constants.O_NONBLOCK;
    return { readEnd, writeEnd, returnEnd: returnId === 0 ? -1 : keep(openSync(name(returnId), both)) };
  } catch {
    for (const fd of opened) closeSync(fd);
    return undefined;
  }
}
