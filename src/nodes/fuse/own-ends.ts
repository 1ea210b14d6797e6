// The daemon's own way into its mount, past the names that callers use: see directory.ts. Never to be used on the thread that
// serves the mount: it would have to answer itself.
import { access, closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { openReadEnd, openWriteEnd, pathOf } from '../../kernel/fifo.ts';
import { isShort } from '../../process/descriptors.ts';
import type { Ends } from '../pipe.ts';
import { type ALARM, OWN_FOLDER, type WAKE } from './directory.ts';

export class OwnFolder {
  readonly fd: number;

  /**
   * To be made before callers are shown the node, as long as nobody can keep the directory locked; or with the descriptor of one
   * that was.
   * @throws Node's error
   */
  constructor(mount: string, kept?: number) {
    this.fd = kept ?? openSync(join(mount, OWN_FOLDER), constants.O_RDONLY | constants.O_DIRECTORY);
  }

  /**
   * The ends of the pipe `id`, and of the one that returns go into unless `returnId` is 0; undefined when they cannot be opened, or `short`
   * when nothing can be, as no descriptor is left.
   */
  openEnds({ id, returnId }: { id: number; returnId: number }): Ends | 'short' | undefined {
    const opened: number[] = [];
    const keep = (fd: number) => {
      opened.push(fd);
      return fd;
    };
    try {
      const readEnd = keep(openReadEnd(this.#path(id)));
      const writeEnd = keep(openWriteEnd(this.#path(id)));
      const both = constants.O_RDWR | constants.O_NONBLOCK;
      return { readEnd, writeEnd, returnEnd: returnId === 0 ? -1 : keep(openSync(this.#path(returnId), both)) };
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      return isShort(error) ? 'short' : undefined;
    }
  }

  /** Asking for a name that is never there is the one way to wake a thread that reads the device. */
  rouse(name: typeof WAKE | typeof ALARM): void {
    access(this.#path(name), () => {});
  }

  close(): void {
    closeSync(this.fd);
  }

  #path(name: string | number): string {
    return `${pathOf(this.fd)}/${name}`;
  }
}
