// A jobserver without a server: tokens in a FIFO that is held open. Shows what a client does of its own accord.
import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifo } from '../../../src/kernel/fifo.ts';
import { bytesInPipe } from '../../../src/kernel/fionread.ts';

interface Ends {
  after(done: () => void): void;
}

export class PlainFifo {
  /** For MAKEFLAGS. */
  readonly makeflags: string;
  readonly #path: string;
  readonly #fd: number;

  /** Makes it in `folder`, with `tokens` in it. */
  constructor(t: Ends, folder: string, tokens: number) {
    this.#path = join(folder, 'plain-fifo');
    makeFifo(this.#path, 0o600);
    this.#fd = openSync(this.#path, 'r+');
    t.after(() => closeSync(this.#fd));
    this.makeflags = ` -j${tokens + 2} --jobserver-auth=fifo:${this.#path}`;
    this.put(tokens);
  }

  put(tokens: number): void {
    if (tokens > 0) writeSync(this.#fd, '+'.repeat(tokens));
  }

  /** Tokens that lie in it. */
  get tokens(): number {
    return bytesInPipe(this.#fd);
  }

  /** Whether the process `pid` has it open. */
  isOpenIn(pid: number): boolean {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => linkOf(join(folder, fd)) === this.#path);
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed meanwhile
  }
}
