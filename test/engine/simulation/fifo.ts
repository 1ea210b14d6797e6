// A FIFO: bytes that carry no meaning, and who has which end open. What happens to it is told to those that watch it.
import type { Watch } from './watcher.ts';

const IN_ACCESS = 0x0001;
const IN_MODIFY = 0x0002;
const IN_CLOSE = 0x0018;
const IN_OPEN = 0x0020;
const CAPACITY = 65_536;

export class Fifo {
  bytes = 0;
  readers = 0;
  writers = 0;
  readonly watches = new Set<Watch>();
  /** Whoever polls an end is told that it may look again. */
  readonly stirs = new Set<() => void>();
  /** Bytes that clients took, less those that they returned. */
  out = 0;

  open({ reads, writes }: { reads: boolean; writes: boolean }): FifoEnd {
    if (reads) this.readers++;
    if (writes) this.writers++;
    this.#tell(IN_OPEN);
    return new FifoEnd(this, reads, writes);
  }

  take(count: number): number {
    const got = Math.min(count, this.bytes);
    this.bytes -= got;
    if (got > 0) this.#tell(IN_ACCESS);
    return got;
  }

  put(count: number): number {
    const put = Math.min(count, CAPACITY - this.bytes);
    this.bytes += put;
    if (put > 0) this.#tell(IN_MODIFY);
    return put;
  }

  closed({ reads, writes }: FifoEnd): void {
    if (reads) this.readers--;
    if (writes) this.writers--;
    if (this.readers === 0 && this.writers === 0) this.bytes = 0;
    this.#tell(IN_CLOSE);
  }

  #tell(event: number): void {
    for (const watch of this.watches) watch.tell(event);
    for (const stir of this.stirs) stir();
  }
}

/** One open file of a FIFO. */
export class FifoEnd {
  readonly fifo: Fifo;
  readonly reads: boolean;
  readonly writes: boolean;
  /** Descriptors that were made from it. */
  users = 1;

  constructor(fifo: Fifo, reads: boolean, writes: boolean) {
    this.fifo = fifo;
    this.reads = reads;
    this.writes = writes;
  }

  close(): void {
    if (--this.users === 0) this.fifo.closed(this);
  }
}
