// The file node of the plain pool: who comes first is served first, and nothing is known of builds. What is open is noted, so that an
// engine can go on with it.
import { constants } from 'node:fs';
import os from 'node:os';
import type { Thread } from '../nodes/caller.ts';
import type { Channel } from '../nodes/fuse/channel.ts';
import type { SessionFile } from '../nodes/fuse/session.ts';
import { FUSE_POLL_SCHEDULE_NOTIFY, type Request } from '../nodes/fuse/wire.ts';
import type { Notes } from '../nodes/notes.ts';
import type { Account, Accounts } from './accounts.ts';

const { EAGAIN, EINTR, EBADF } = os.constants.errno;
const { O_NONBLOCK, O_WRONLY } = constants;
const O_ACCMODE = 3;
// poll(2): POLLIN and POLLRDNORM, POLLOUT and POLLWRNORM
const READABLE = 0x0041;
const WRITABLE = 0x0104;
const TOKEN = 0x2b;

interface Reader {
  uniqueLow: number;
  uniqueHigh: number;
  fh: number;
  account: Account;
}

interface Poller {
  khLow: number;
  khHigh: number;
}

export interface PlainOptions {
  channel: Channel;
  notes: Pick<Notes, 'openFile' | 'pollFile' | 'closeFile'>;
  /** The lowest number of an open file that nobody has. */
  firstFile: number;
  capacity: number;
  accounts: Pick<Accounts, 'out' | 'count'>;
}

export class PlainNode implements SessionFile {
  readonly #options: PlainOptions;
  /** Reads that wait, by `unique`, oldest first. */
  readonly #readers = new Map<number, Reader>();
  /** Who polls, by open file, until it is told to look. */
  readonly #pollers = new Map<number, Poller>();
  /** Who has taken slots through each open file: another process may give them back there. */
  readonly #takers = new Map<number, Set<Account>>();
  readonly #freeFiles: number[] = [];
  #nextFile: number;

  constructor(options: PlainOptions) {
    this.#options = options;
    this.#nextFile = options.firstFile;
  }

  get free(): number {
    return Math.max(0, this.#options.capacity - this.#options.accounts.out);
  }

  get waiting(): number {
    return this.#readers.size;
  }

  open(): number {
    const fh = this.#freeFiles.pop() ?? this.#nextFile++;
    return this.#options.notes.openFile(fh) ? fh : 0;
  }

  release(fh: number): void {
    this.#takers.delete(fh);
    this.#pollers.delete(fh);
    this.#options.notes.closeFile(fh);
    this.#freeFiles.push(fh);
  }

  known(): undefined {}

  read(request: Request, { caller }: Thread): void {
    const { channel } = this.#options;
    const { uniqueLow, uniqueHigh, fh, fileFlags } = request;
    const reader = { uniqueLow, uniqueHigh, fh, account: caller as Account };
    if ((fileFlags & O_ACCMODE) === O_WRONLY) channel.error(uniqueLow, uniqueHigh, EBADF);
    else if (request.size === 0) channel.error(uniqueLow, uniqueHigh, 0);
    else if (this.free > 0) this.#give(reader);
    else if (fileFlags & O_NONBLOCK) channel.error(uniqueLow, uniqueHigh, EAGAIN);
    else this.#readers.set(request.unique, reader);
  }

  write({ uniqueLow, uniqueHigh, fh, size }: Request, { caller }: Thread): void {
    this.#options.channel.written(uniqueLow, uniqueHigh, size);
    const { accounts } = this.#options;
    let left = size + accounts.count(caller as Account, -size);
    for (const taker of this.#takers.get(fh) ?? []) left += accounts.count(taker, -left);
    this.serve();
  }

  poll({ uniqueLow, uniqueHigh, fh, pollFlags, khLow, khHigh }: Request): void {
    if (pollFlags & FUSE_POLL_SCHEDULE_NOTIFY) {
      this.#options.notes.pollFile(fh, khLow, khHigh);
      this.#pollers.set(fh, { khLow, khHigh });
    }
    this.#options.channel.polled(uniqueLow, uniqueHigh, this.free > 0 ? READABLE | WRITABLE : WRITABLE);
  }

  interrupt(unique: number): boolean {
    const reader = this.#readers.get(unique);
    if (reader === undefined) return false;
    this.#readers.delete(unique);
    this.#options.channel.error(reader.uniqueLow, reader.uniqueHigh, EINTR);
    return true;
  }

  /** Gives what is free to those who wait. */
  serve(): void {
    for (const [unique, reader] of this.#readers) {
      if (this.free === 0) return;
      this.#readers.delete(unique);
      this.#give(reader);
    }
    if (this.free === 0) return;
    for (const { khLow, khHigh } of this.#pollers.values()) this.#options.channel.notifyPoll(khLow, khHigh);
  }

  /** Counted first: who dies between the two has lost a slot for a while, and has not given one twice. */
  #give({ uniqueLow, uniqueHigh, fh, account }: Reader): void {
    const { accounts, channel } = this.#options;
    accounts.count(account, 1);
    if (!channel.byte(uniqueLow, uniqueHigh, TOKEN)) {
      accounts.count(account, -1);
      return;
    }
    const takers = this.#takers.get(fh) ?? new Set();
    this.#takers.set(fh, takers.add(account));
  }
}
