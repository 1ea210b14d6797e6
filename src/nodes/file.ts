// The file node: a regular file of which every read, write and poll comes here. A read of it takes a slot, a write returns
// one for each byte, and who does not block gets EAGAIN. What a process takes and returns is booked to that process,
// whichever of its threads and open files it uses.
//
// A slot is booked before the reply that carries its token is written. If the kernel then says that nobody waits for that
// reply any more, the booking is undone: no slot is lost, and none is given twice.
//
// Whoever polls waits in the same queue as blocked readers. When its turn comes, a slot is set aside for it and it is told to
// look; if it does not come for the slot, that passes on. So a return wakes one poller, not all of them.
import { constants } from 'node:fs';
import os from 'node:os';
import type { Ledger } from '../core/ledger.ts';
import type { Client, Waiter } from '../core/types.ts';
import type { Caller, Thread } from './caller.ts';
import type { Channel } from './fuse/channel.ts';
import { FUSE_POLL_SCHEDULE_NOTIFY, type Request } from './fuse/wire.ts';
import { NO_NOTES, type Notes } from './notes.ts';

const { EAGAIN, EINTR, EBADF } = os.constants.errno;
const { O_NONBLOCK, O_ACCMODE = 3, O_WRONLY } = constants as typeof constants & { O_ACCMODE?: number };

// poll(2)
const POLLIN = 0x0001;
const POLLOUT = 0x0004;
const POLLRDNORM = 0x0040;
const POLLWRNORM = 0x0100;
const WRITABLE = POLLOUT | POLLWRNORM;
const READABLE = POLLIN | POLLRDNORM;

/** How often one user may have the node open, root apart: a sixteenth of what the journal has room for. */
export const MAX_OPENS: number = 1 << 16;

/** Users of one open file, before those that are gone are looked for. */
const MAX_SHARERS = 16;

/** What a slot looks like to a client: the byte that GNU make uses. It carries no meaning. */
const TOKEN = 0x2b;

/**
 * How long a slot is set aside for a poller that was told of it, milliseconds: long enough for a busy machine to let it run. One
 * that has let a slot pass may not be interested any more, which cannot be seen: the next one waits less long for it.
 */
export const RESERVED_FOR = 20;
export const RESERVED_AGAIN = 5;

/** One open file, shared by every descriptor that was made from it. */
interface OpenFile {
  readonly fh: number;
  /** The number of the user who has opened it; -1: not known. */
  readonly owner: number;
  /** Who read or wrote here last. */
  last: Thread | undefined;
  /** Others who did, as soon as there is more than one: descriptors are inherited. */
  sharers: Set<Client> | undefined;
  /** By what the kernel knows those who poll it, once somebody has. */
  khLow: number;
  khHigh: number;
  /** What it waits with for each client that has polled it: the kernel rings all of them at once. */
  polls: PollWaiter[];
}

/** A read that blocks. The records are used again. */
export class ReadWaiter implements Waiter {
  client!: Client;
  readonly reserves = false;
  since = 0;
  order = 0;
  uniqueLow = 0;
  uniqueHigh = 0;
  unique = 0;
  /** Where it is noted that it waits. */
  place = -1;
}

class PollWaiter implements Waiter {
  readonly client: Client;
  readonly file: OpenFile;
  readonly reserves = true;
  since = 0;
  order = 0;
  /** When the slot that is set aside passes on; 0: none is. */
  until = 0;
  /** Whether it has let the last one pass: it may not be interested any more. */
  missed = false;

  constructor(client: Client, file: OpenFile) {
    this.client = client;
    this.file = file;
  }
}

/** A request, as far as its answer needs it. */
type Answered = Pick<Request, 'uniqueLow' | 'uniqueHigh'>;

/** What the node asks of the pool beside the ledger. */
export interface Spare {
  /** Tries to make a slot free that lies unused somewhere, for somebody who does not wait. */
  recall(): void;
  /** The time, milliseconds. */
  now(): number;
}

export class FileNode {
  readonly #ledger: Ledger;
  readonly #channel: Channel;
  readonly #spare: Spare;
  readonly #notes: Notes;
  readonly #files: (OpenFile | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #readers = new Map<number, ReadWaiter>();
  readonly #records: ReadWaiter[] = [];
  /** Pollers for whom a slot is set aside. */
  readonly #reserved = new Set<PollWaiter>();
  /** Reads that were granted and whose callers had gone. */
  #undelivered: Client[] = [];
  /** Open files, of all and of each user of whom that is known. */
  opens = 0;
  readonly #opensOf = new Map<number, number>();
  /** Tokens returned by clients that had nothing to return, in all. */
  surplus = 0;

  constructor(ledger: Ledger, channel: Channel, spare: Spare, notes: Notes = NO_NOTES) {
    this.#ledger = ledger;
    this.#notes = notes;
    this.#channel = channel;
    this.#spare = spare;
  }

  /** A new open file of user `owner`, for the answer to a request; 0: there is no room for one more. */
  open({ uniqueLow, uniqueHigh }: Answered, owner = -1): number {
    if (owner > 0 && (this.#opensOf.get(owner) ?? 0) >= MAX_OPENS) return 0;
    const fh = this.#free.pop() ?? this.#files.length;
    this.#notes.answering(uniqueLow, uniqueHigh);
    const noted = this.#notes.openFile(fh);
    this.#notes.answered();
    if (!noted) return 0;
    this.#files[fh] = newFile(fh, owner);
    this.#count(owner, 1);
    return fh;
  }

  /** Goes on with what was open before this node was made. */
  resume(files: Iterable<Pick<OpenFile, 'fh' | 'khLow' | 'khHigh'>>): void {
    for (const { fh, khLow, khHigh } of files) {
      this.#notes.openFile(fh);
      this.#notes.pollFile(fh, khLow, khHigh);
      this.#files[fh] = { ...newFile(fh, -1), khLow, khHigh };
      this.#count(-1, 1);
    }
    for (let fh = 1; fh < this.#files.length; fh++) if (this.#files[fh] === undefined) this.#free.push(fh);
  }

  release(fh: number, { uniqueLow, uniqueHigh }: Answered): void {
    const file = this.#files[fh];
    if (file === undefined) return;
    for (const waiter of file.polls) this.#ledger.cancel(waiter);
    for (const waiter of file.polls) if (waiter.until > 0) this.#passOn(waiter);
    this.#notes.answering(uniqueLow, uniqueHigh);
    this.#notes.closeFile(fh);
    this.#notes.answered();
    this.#files[fh] = undefined;
    this.#free.push(fh);
    this.#count(file.owner, -1);
  }

  #count(owner: number, change: number): void {
    this.opens += change;
    if (owner <= 0) return; // root may have any number
    const opens = (this.#opensOf.get(owner) ?? 0) + change;
    if (opens > 0) this.#opensOf.set(owner, opens);
    else this.#opensOf.delete(owner);
  }

  /** Who called last through this open file, when that is the caller of `request`: no look-up is needed then. */
  known(request: Request): Thread | undefined {
    const thread = this.#files[request.fh]?.last;
    if (thread === undefined || thread.tid !== request.pid || !thread.caller.alive) return undefined;
    return thread.ownerLow === request.lockOwnerLow && thread.ownerHigh === request.lockOwnerHigh ? thread : undefined;
  }

  read(request: Request, thread: Thread): void {
    this.#notes.answering(request.uniqueLow, request.uniqueHigh);
    this.#read(request, thread);
    this.#notes.answered();
  }

  #read(request: Request, thread: Thread): void {
    const { uniqueLow, uniqueHigh } = request;
    const file = this.#files[request.fh];
    if (file === undefined || (request.fileFlags & O_ACCMODE) === O_WRONLY) {
      this.#channel.error(uniqueLow, uniqueHigh, EBADF);
      return;
    }
    const { client } = thread.caller;
    this.#used(file, thread);
    if (request.size === 0) {
      this.#channel.error(uniqueLow, uniqueHigh, 0);
      return;
    }
    if (client.offered > 0) this.#accept(client, file);
    else if (!this.#ledger.take(client)) {
      if (request.fileFlags & O_NONBLOCK) {
        this.#spare.recall();
        if (!this.#ledger.take(client)) {
          this.#channel.error(uniqueLow, uniqueHigh, EAGAIN);
          // Whoever waits by edges (epoll) does not ask again: the next slot must ring.
          const poller = pollerOf(file, client);
          if (poller !== undefined) this.#await(poller);
          return;
        }
      } else {
        this.#block(request, client);
        return;
      }
    }
    if (!this.#channel.byte(uniqueLow, uniqueHigh, TOKEN)) this.#ledger.release(client, 1);
  }

  write(request: Request, thread: Thread): void {
    const file = this.#files[request.fh];
    const { size, uniqueLow, uniqueHigh } = request;
    const { client } = thread.caller;
    if (file !== undefined) this.#used(file, thread);
    const holder = holderOf(client, file);
    this.#notes.returning(request, (holder ?? client).record, file !== undefined && holder === undefined);
    this.#channel.written(uniqueLow, uniqueHigh, size); // first: see fuse/holding.ts
    if (file !== undefined) this.#giveBack(client, size, file);
    this.#notes.returned();
    this.settle();
  }

  poll(request: Request, caller: Caller): void {
    const { uniqueLow, uniqueHigh } = request;
    const file = this.#files[request.fh];
    const { client } = caller;
    let events = WRITABLE;
    if (file !== undefined) {
      const waits = (request.pollFlags & FUSE_POLL_SCHEDULE_NOTIFY) !== 0;
      if (!waits && !this.#readable(client)) this.#spare.recall();
      if (this.#readable(client)) events |= READABLE;
      if (waits) {
        if (file.khLow !== request.khLow || file.khHigh !== request.khHigh) {
          file.khLow = request.khLow;
          file.khHigh = request.khHigh;
          this.#notes.pollFile(file.fh, file.khLow, file.khHigh);
        }
        const poller = pollerOf(file, client) ?? newPoller(file, client);
        if (!(events & READABLE)) this.#await(poller);
      }
    }
    this.#channel.polled(uniqueLow, uniqueHigh, events);
  }

  /** The read `unique` is not wanted any more; false when it does not wait. */
  interrupt(unique: number): boolean {
    const waiter = this.#readers.get(unique);
    if (waiter === undefined) return false;
    this.#ledger.cancel(waiter);
    this.#channel.error(waiter.uniqueLow, waiter.uniqueHigh, EINTR);
    this.#recycle(waiter);
    return true;
  }

  /** Delivers a slot that the ledger has granted; true when the waiter was one of this node's. It may not call the ledger. */
  grant(waiter: Waiter): boolean {
    if (waiter instanceof ReadWaiter) {
      if (!this.#channel.byte(waiter.uniqueLow, waiter.uniqueHigh, TOKEN)) this.#undelivered.push(waiter.client);
      this.#recycle(waiter);
      return true;
    }
    if (!(waiter instanceof PollWaiter)) return false;
    waiter.until = this.#spare.now() + (waiter.missed ? RESERVED_AGAIN : RESERVED_FOR);
    this.#reserved.add(waiter);
    this.#channel.notifyPoll(waiter.file.khLow, waiter.file.khHigh);
    return true;
  }

  /** A process is gone: its reads end, and what it has comes back. */
  gone(client: Client): void {
    for (const waiter of [...client.waiters]) if (waiter instanceof ReadWaiter) this.interrupt(waiter.unique);
    for (const waiter of this.#reserved) if (waiter.client === client) this.#unreserve(waiter);
    this.#ledger.forget(client);
    this.settle();
  }

  /** What a poller waits with was lost: all of them have to ask anew, or those of one process whose account was closed. */
  rouse(client?: Client): void {
    for (const file of this.#files) {
      if (file === undefined || (file.khLow === 0 && file.khHigh === 0)) continue;
      if (client === undefined || pollerOf(file, client) !== undefined)
        this.#channel.notifyPoll(file.khLow, file.khHigh);
    }
  }

  /** Takes back what nobody has accepted. */
  settle(): void {
    while (this.#undelivered.length > 0) this.#ledger.release(this.#undelivered.pop() as Client, 1);
    if (this.#reserved.size === 0) return;
    const now = this.#spare.now();
    for (const waiter of this.#reserved) {
      if (waiter.until > now) continue;
      waiter.missed = true;
      this.#passOn(waiter);
    }
  }

  /** When `settle` has to be called though nothing happens, or Infinity. */
  nextLook(): number {
    if (this.#undelivered.length > 0) return 0;
    let next = Number.POSITIVE_INFINITY;
    for (const { until } of this.#reserved) if (until < next) next = until;
    return next;
  }

  #readable(client: Client): boolean {
    return client.offered > 0 || this.#ledger.available(client) > 0;
  }

  #used(file: OpenFile, thread: Thread): void {
    if (file.last === thread) return;
    if (file.last !== undefined && file.last.caller !== thread.caller) {
      file.sharers ??= new Set([file.last.caller.client]);
      if (file.sharers.size >= MAX_SHARERS)
        for (const sharer of file.sharers) if (!sharer.alive) file.sharers.delete(sharer);
      file.sharers.add(thread.caller.client);
    }
    file.last = thread;
  }

  #block(request: Request, client: Client): void {
    const waiter = this.#records.pop() ?? new ReadWaiter();
    waiter.client = client;
    waiter.uniqueLow = request.uniqueLow;
    waiter.uniqueHigh = request.uniqueHigh;
    waiter.unique = request.unique;
    waiter.place = this.#notes.waiting(waiter.uniqueLow, waiter.uniqueHigh);
    this.#readers.set(waiter.unique, waiter);
    this.#ledger.acquire(waiter, this.#spare.now());
  }

  #recycle(waiter: ReadWaiter): void {
    this.#notes.waited(waiter.place);
    this.#readers.delete(waiter.unique);
    this.#records.push(waiter);
  }

  /** What was set aside for a poller is taken. */
  #accept(client: Client, file: OpenFile): void {
    const own = pollerOf(file, client);
    if (own !== undefined && own.until > 0) {
      own.missed = false;
      this.#unreserve(own);
    } else {
      for (const waiter of this.#reserved) {
        if (waiter.client !== client) continue;
        waiter.missed = false;
        this.#unreserve(waiter);
        break;
      }
    }
    this.#ledger.count(client, client.offered - 1);
  }

  #await(waiter: PollWaiter): void {
    if (waiter.until === 0 && !waiter.client.waiters.has(waiter)) this.#ledger.acquire(waiter, this.#spare.now());
  }

  #unreserve(waiter: PollWaiter): void {
    waiter.until = 0;
    this.#reserved.delete(waiter);
  }

  #passOn(waiter: PollWaiter): void {
    this.#unreserve(waiter);
    this.#ledger.withdraw(waiter.client, 1);
  }

  /** Whoever returns what another took through the same open file clears that one's account. */
  #giveBack(client: Client, count: number, file: OpenFile): void {
    let left = count - this.#ledger.release(client, count);
    if (left > 0 && file.sharers !== undefined) {
      for (const sharer of file.sharers) {
        if (!sharer.alive) file.sharers.delete(sharer);
        else if (left > 0 && sharer !== client) left -= this.#ledger.release(sharer, left);
      }
    }
    if (left > 0 && this.#ledger.lend(client)) left--;
    this.surplus += left;
  }
}

function newFile(fh: number, owner: number): OpenFile {
  return { fh, owner, last: undefined, sharers: undefined, khLow: 0, khHigh: 0, polls: [] };
}

/** Whose slot it is that a client returns through an open file: its own, or that of another who uses it; undefined: nobody's. */
function holderOf(client: Client, file: OpenFile | undefined): Client | undefined {
  if (client.held > 0 || file?.sharers === undefined) return client.held > 0 ? client : undefined;
  for (const sharer of file.sharers) if (sharer.alive && sharer.held > 0) return sharer;
  return undefined;
}

function pollerOf(file: OpenFile, client: Client): PollWaiter | undefined {
  for (const poller of file.polls) if (poller.client === client) return poller;
  return undefined;
}

function newPoller(file: OpenFile, client: Client): PollWaiter {
  if (file.polls.length > 0) file.polls = file.polls.filter((poller) => poller.client.alive);
  const poller = new PollWaiter(client, file);
  file.polls.push(poller);
  return poller;
}
