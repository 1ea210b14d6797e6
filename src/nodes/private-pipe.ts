// The pipe of a lease: a FIFO with its slots in it, less the one of the job that needs no token. It is filled once and not
// watched: whoever takes from it takes what the lease has already. Nobody else's slots pass through it.
import { closeSync } from 'node:fs';
import { hasReader, openFifo, removeFifo } from '../kernel/fifo.ts';
import { readBytes, writeBytes } from '../kernel/io.ts';
import { type Ends, FIFO_MODE } from './pipe.ts';
import { TOKEN } from './tray.ts';

/** Does what can wait for as long as a client keeps this pipe locked. */
type TouchThis = <T>(what: () => T) => T;

export class PrivatePipe {
  readonly writeEnd: number;
  /** -1 once its owner is gone. */
  readEnd: number;
  /** The name to remove when it is closed, if it is a name of ours. */
  readonly path: string | undefined;
  readonly #touch: TouchThis;

  /** Takes over the open ends of a FIFO. */
  constructor(
    { readEnd, writeEnd }: Pick<Ends, 'readEnd' | 'writeEnd'>,
    { path, touch = (what) => what() }: { path?: string | undefined; touch?: TouchThis } = {},
  ) {
    this.#touch = touch;
    this.readEnd = readEnd;
    this.writeEnd = writeEnd;
    this.path = path;
  }

  /** Makes a FIFO with a name. @throws SystemError or Node's error: ENOSPC, EMFILE, EACCES … */
  static make(path: string): PrivatePipe {
    return new PrivatePipe(openFifo(path, FIFO_MODE), { path });
  }

  put(count: number): void {
    if (count > 0) this.#touch(() => writeBytes(this.writeEnd, Buffer.alloc(count, TOKEN), count));
  }

  /** Takes out up to `count` of the tokens that lie there; returns how many. */
  take(count: number): number {
    return count > 0
      ? Math.max(
          0,
          this.#touch(() => readBytes(this.readEnd, Buffer.alloc(count), count)),
        )
      : 0;
  }

  /** Its owner is gone. False when nobody has it open; else an error on `writeEnd` tells when the last one has closed it. */
  abandon(): boolean {
    if (this.readEnd !== -1) this.#touch(() => closeSync(this.readEnd));
    this.readEnd = -1;
    return hasReader(this.writeEnd);
  }

  close(): void {
    if (this.path !== undefined) removeFifo(this.path);
    this.#touch(() => {
      if (this.readEnd !== -1) closeSync(this.readEnd);
      closeSync(this.writeEnd);
    });
  }
}
