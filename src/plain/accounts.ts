// Who has how many slots of the plain pool: so those of a process come back when it ends, and the engine that follows goes on with them.
// It begins with what the journal says; what lies in pipes, or was taken from them, stays as it was then.
import { closeSync, writeSync } from 'node:fs';
import type { Mark } from '../engine/journal/counters.ts';
import { encodeFact } from '../engine/journal/facts.ts';
import type { Past } from '../engine/journal/past.ts';
import { ACCOUNTS, LINES_AT, newcomerKey, type Owner, plainKey, readPlain } from '../engine/journal/plain.ts';
import type { Store } from '../keeper/store.ts';
import { EPOLLIN, type Epoll } from '../kernel/epoll.ts';
import { mapMemory, openMemory } from '../kernel/memory.ts';
import { openPidfd } from '../kernel/pidfd.ts';
import type { Caller, Thread } from '../nodes/caller.ts';
import type { Lineage } from '../process/lineage.ts';

/** What the journal says of a process, as far as it counts here. */
interface ProcessFact {
  pid: number;
  start: number;
  alive: boolean;
  has: Mark;
}

/** One process. */
export interface Account extends Caller {
  readonly pid: number;
  readonly start: number;
  /** Where its slots are counted; -1: nowhere, as nothing is known of it. */
  readonly index: number;
  /** Slots that it has; -1: an engine has lent one of its. */
  held: number;
  readonly threads: number[];
}

interface Parts {
  kept: ReadonlyMap<string, number>;
  store: Store;
  epoll: Epoll;
  capacity: number;
  /** Undefined: the journal cannot be read. */
  past: Past | undefined;
  /** Somebody's slots have come back. */
  freed(): void;
}

export class Accounts {
  readonly #parts: Parts;
  readonly #memory = openMemory('stint-plain', LINES_AT);
  readonly #words = new Int32Array(mapMemory(this.#memory, LINES_AT));
  /** Where the next line goes. */
  #end = LINES_AT;
  #next = 0;
  readonly #free: number[] = [];
  /** Slots that are in no account here. */
  readonly #elsewhere: number = 0;
  #held = 0;
  readonly #byPid = new Map<number, Account>();
  readonly #byPidfd = new Map<number, Account>();
  readonly #threads = new Map<number, Thread>();
  /** All of whom nothing is known. */
  readonly #nobody = newAccount({ pid: 0, start: 0 }, -1);

  constructor(parts: Parts) {
    this.#parts = parts;
    const { past, kept, store, capacity } = parts;
    if (past === undefined) return;
    const before = kept.get(plainKey(past.facts));
    const counted = before === undefined ? [] : readPlain(before);
    let inJournal = 0;
    for (const [key, fact] of past.facts) {
      if (!key.startsWith('process:')) continue;
      const { pid, start, alive, has } = fact as ProcessFact;
      const serial = Number(key.slice('process:'.length));
      const held = past.counters.value(has) ?? 0;
      inJournal += Math.max(0, held);
      const now = counted.find(({ owner }) => 'serial' in owner && owner.serial === serial)?.held ?? held;
      const pidfd = kept.get(key);
      if (alive && pidfd !== undefined) this.#add({ pid, start }, pidfd, { serial }, now);
    }
    for (const { owner, held } of counted) {
      const pidfd = 'lineage' in owner ? kept.get(newcomerKey(owner.lineage.pid)) : undefined;
      if ('lineage' in owner && pidfd !== undefined) this.#add(owner.lineage, pidfd, owner, held);
    }
    // One slot at the least is there for those who come.
    this.#elsewhere = Math.max(0, Math.min(heldBy(past) - inJournal, capacity - 1));
    store.keep(plainKey(past.facts), this.#memory);
  }

  /** Slots that are out. */
  get out(): number {
    return this.#elsewhere + this.#held;
  }

  thread(tid: number): Thread | undefined {
    return this.#threads.get(tid);
  }

  /** The thread `tid` of a process that waits for an answer of ours; undefined: nothing is known of it. */
  threadOf(tid: number, lineage: Lineage | undefined): Thread {
    const caller = lineage === undefined ? this.#nobody : (this.#find(lineage) ?? this.#open(lineage) ?? this.#nobody);
    const known = this.#threads.get(tid);
    if (known?.caller === caller) return known;
    const thread: Thread = { tid, caller, ownerLow: 0, ownerHigh: 0 };
    if (caller === this.#nobody) return thread;
    this.#threads.set(tid, thread);
    caller.threads.push(tid);
    return thread;
  }

  /** Counts slots that a process takes, or gives back, as far as it has them; how many those were. */
  count(account: Account, change: number): number {
    const counted = Math.max(change, Math.min(0, -account.held));
    account.held += counted;
    this.#held += counted;
    if (account.index !== -1) this.#words[account.index] = account.held;
    return counted;
  }

  /** Whether `fd` is of a process, which has ended then. */
  ended(fd: number): boolean {
    const account = this.#byPidfd.get(fd);
    if (account === undefined) return false;
    this.#parts.epoll.remove(fd);
    closeSync(fd);
    this.#byPidfd.delete(fd);
    if (this.#byPid.get(account.pid) === account) this.#byPid.delete(account.pid);
    for (const tid of account.threads) if (this.#threads.get(tid)?.caller === account) this.#threads.delete(tid);
    account.alive = false;
    this.count(account, -account.held);
    this.#write(account.index, undefined);
    this.#free.push(account.index);
    this.#parts.store.drop(newcomerKey(account.pid));
    this.#parts.freed();
    return true;
  }

  #find({ pid, start }: Pick<Account, 'pid' | 'start'>): Account | undefined {
    const known = this.#byPid.get(pid);
    return known !== undefined && (known.start === start || known.start === 0 || start === 0) ? known : undefined;
  }

  #open(lineage: Lineage): Account | undefined {
    try {
      const pidfd = openPidfd(lineage.pid);
      this.#parts.store.keep(newcomerKey(lineage.pid), pidfd);
      return this.#add(lineage, pidfd, { lineage }, 0);
    } catch {
      return undefined; // it is served all the same
    }
  }

  #add(process: Pick<Account, 'pid' | 'start'>, pidfd: number, owner: Owner, held: number): Account | undefined {
    const index = this.#free.pop() ?? (this.#next < ACCOUNTS ? this.#next++ : undefined);
    if (index === undefined) return undefined;
    const account = newAccount(process, index);
    this.count(account, held);
    this.#write(index, owner);
    this.#byPid.set(account.pid, account);
    this.#byPidfd.set(pidfd, account);
    this.#parts.epoll.add(pidfd, EPOLLIN);
    return account;
  }

  #write(index: number, owner: Owner | undefined): void {
    this.#end += writeSync(this.#memory, encodeFact(String(index), owner), this.#end);
  }
}

function newAccount({ pid, start }: Pick<Account, 'pid' | 'start'>, index: number): Account {
  return { pid, start, index, held: 0, alive: true, threads: [], client: undefined as never };
}

/** Slots that the journal says are taken: its facts name the counters that count, as `has` and `root`. */
function heldBy({ facts, counters }: Past): number {
  const held = (fact: unknown): number => {
    if (typeof fact !== 'object' || fact === null) return 0;
    const of = Object.entries(fact).map(([name, value]) => {
      const isMark = (name === 'has' || name === 'root') && Array.isArray(value);
      return isMark ? Math.max(0, counters.value(value as unknown as Mark) ?? 0) : held(value);
    });
    return of.reduce((sum, one) => sum + one, 0);
  };
  return [...facts.values()].reduce<number>((sum, fact) => sum + held(fact), 0);
}
