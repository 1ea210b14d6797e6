// Leases: builds that were granted several slots in one step. All of them are charged to the root; jobserver clients inside
// find those beyond the first in one pipe of the lease, which is not part of the offers. This file knows who holds what by
// lease, gives back and takes more when asked, and tells a lease when it should have less or could have more. It takes
// nothing back by itself.
import os from 'node:os';
import type { Ledger } from '../core/ledger.ts';
import type { Client, Waiter } from '../core/types.ts';
import { EPOLLET } from '../kernel/epoll.ts';
import { signalPidfd } from '../kernel/pidfd.ts';
import type { Directory } from '../nodes/fuse/directory.ts';
import type { Shown } from '../nodes/fuse/session.ts';
import type { Touch } from '../nodes/node.ts';
import { closeEnds } from '../nodes/pipe.ts';
import { PrivatePipe } from '../nodes/private-pipe.ts';
import { maySignal } from '../process/proc.ts';
import type { Running } from './builds.ts';
import type { Journal } from './journal/journal.ts';
import type { Lookups } from './lookups.ts';
import type { Loop } from './loop.ts';
import type { FromEngine, LeaseTerms } from './messages.ts';
import { Wishes } from './wishes.ts';

const { EIO, ENFILE } = os.constants.errno;

/** How long a lease waits for the slots that it asked for beyond those it has: enough to take unused ones out of pipes; milliseconds. */
const GROW_PATIENCE = 200;

export interface Lease extends LeaseTerms {
  /** Where jobserver clients inside find slots; undefined: nobody has looked yet (system mode). */
  pipe: PrivatePipe | undefined;
  /** It is not touched any more, since an engine hung at it. */
  barred?: boolean;
  /** Its node id, and who waits until it is there; system mode. */
  node: { id: number; waiting: ((shown: Shown) => void)[] } | undefined;
  /** What it waits with for more, for whose request, for how many slots in all, and until when. */
  growth: { waiter: Waiter; request: number; wanted: number; until: number } | undefined;
  /** The number of slots that it was told to have, and when. */
  told: number;
  toldAt: number;
}

/** What the next engine has to know of a lease beside its terms. */
interface LeaseFact {
  /** Whether it has a pipe. */
  pipe: boolean;
  path: string | undefined;
  /** The node id of the pipe. */
  node: number | undefined;
  barred: boolean | undefined;
}

interface Parts {
  ledger: Ledger;
  touch: Touch;
  loop: Loop;
  journal: Journal;
  /** Writes down what is known of it. */
  note: (running: Running) => void;
  send: (message: FromEngine) => void;
  /** Nothing of a lease is left. */
  over: (running: Running) => void;
}

/** A build that is a lease and has its slots. */
export type Leased = Running & { lease: Lease; root: Client };

export class Leases {
  readonly #parts: Parts;
  readonly #leased = new Set<Leased>();
  readonly #growing = new Map<Waiter, Leased>();
  /** Those that have got some of what they wait for. */
  readonly #grown: Leased[] = [];
  readonly #wishes: Wishes;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#wishes = new Wishes(parts.ledger, (running, slots) => this.#tell(running, slots));
  }

  /** Leases that have their slots. */
  get size(): number {
    return this.#leased.size;
  }

  /** A lease has its slots; `path`: where its pipe is to be made, unless it is made when somebody looks. @throws Error */
  start(running: Running, path?: string): void {
    const leased = running as Leased;
    if (path !== undefined) {
      leased.lease.pipe = PrivatePipe.make(path);
      leased.lease.pipe.put(leased.root.held - 1);
      this.#keep(leased, leased.lease.pipe);
    }
    leased.lease.told = leased.root.held;
    this.#leased.add(leased);
  }

  /** True when `waiter` waited for more slots of a lease: they are laid into its pipe. */
  granted(waiter: Waiter, count: number): boolean {
    const running = this.#growing.get(waiter);
    if (running === undefined) return false;
    running.lease.pipe?.put(count);
    this.#growing.delete(waiter);
    this.#grown.push(running);
    return true;
  }

  /** Changes how many slots a lease has, as far as that can be done: the answer tells. */
  resize(running: Running | undefined, slots: number, { request, now }: { request: number; now: number }): void {
    if (running === undefined || !this.#leased.has(running as Leased) || running.rootFd === -1) {
      this.#parts.send({ type: 'resized', request, slots: 0 });
      return;
    }
    const { root, lease } = running as Leased;
    if (lease.growth !== undefined) this.#giveUp(running as Leased);
    const wanted = Math.max(1, Math.min(slots, lease.max));
    if (wanted <= root.held) {
      const surplus = root.held - wanted;
      // What clients inside hold stays theirs.
      const back = lease.barred ? 0 : lease.pipe === undefined ? surplus : lease.pipe.take(surplus);
      this.#parts.ledger.release(root, back);
      lease.told = root.held;
      this.#parts.send({ type: 'resized', request, slots: root.held });
      return;
    }
    this.#grow(running as Leased, { request, wanted, until: now + GROW_PATIENCE }, now);
  }

  /** Shows a process inside a lease its pipe, which is made if there is none. */
  show(running: Running, answer: (shown: Shown) => void, place: { lookups: Lookups; directory: Directory }): void {
    const { lease } = running as Leased;
    if (lease.barred) {
      answer({ node: 'none', errno: EIO });
      return;
    }
    if (lease.node !== undefined) {
      if (lease.pipe !== undefined) answer({ node: 'pipe', id: lease.node.id });
      else lease.node.waiting.push(answer);
      return;
    }
    const node = { id: place.directory.newPipe(), waiting: [answer] };
    lease.node = node;
    place.lookups.pipe(node.id, 0, (ends) => {
      const open = ends !== undefined && this.#leased.has(running as Leased) && running.rootFd !== -1;
      if (open) {
        lease.pipe = new PrivatePipe(ends, { touch: this.#toucher(node.id) });
        lease.pipe.put((running as Leased).root.held - 1);
        this.#keep(running, lease.pipe);
        this.#parts.note(running);
      } else {
        if (ends !== undefined) closeEnds(ends);
        lease.node = undefined;
        place.directory.dropPipe(node.id);
      }
      for (const tell of node.waiting.splice(0))
        tell(open ? { node: 'pipe', id: node.id } : { node: 'none', errno: ENFILE });
    });
  }

  /**
   * The root is gone, and what it had with it, but for what jobserver clients that it left behind hold. Returns false when
   * nobody has the pipe open.
   */
  rootGone(running: Running): boolean {
    const { root, lease } = running as Leased;
    if (lease.growth !== undefined) this.#giveUp(running as Leased);
    if (lease.pipe === undefined) return false;
    const { pipe } = lease;
    const held = Math.max(0, root.held - 1 - pipe.take(root.held));
    if (!pipe.abandon()) return false;
    // Whoever holds a token runs one more job than it has tokens.
    this.#parts.ledger.release(root, held === 0 ? root.held : root.held - 1 - held);
    this.#watchEnd(running, pipe);
    return true;
  }

  fact({ lease }: Running): LeaseFact {
    const barred = lease?.barred;
    const node = lease?.pipe || barred ? lease?.node?.id : undefined;
    return { pipe: lease?.pipe !== undefined, path: lease?.pipe?.path, node, barred };
  }

  /** Whether an engine has hung at the pipe of a lease that is about to be restored. */
  hung(fact: unknown): boolean {
    const { node, barred } = fact as LeaseFact;
    return node !== undefined && !barred && this.#parts.journal.hung.has(node);
  }

  /** Takes over a lease that another engine had; its root and what that has are there. */
  restore(running: Running, fact: unknown): void {
    const { pipe, path, node, barred } = fact as LeaseFact;
    const { lease, root, rootFd } = running;
    const { journal, touch } = this.#parts;
    if (lease === undefined) return;
    const key = `lease:${running.id}`;
    if (node !== undefined && (barred || this.hung(fact))) {
      journal.leavePipe(key);
      lease.barred = true;
      lease.node = { id: node, waiting: [] };
    }
    const ends = pipe && !lease.barred ? touch(node ?? 0, () => journal.claimPipe(key, rootFd !== -1)) : undefined;
    if (ends !== undefined) {
      lease.pipe = new PrivatePipe(ends, { path, touch: this.#toucher(node ?? 0) });
      if (node !== undefined) lease.node = { id: node, waiting: [] };
      if (rootFd === -1) this.#watchEnd(running, lease.pipe);
    }
    if (root === undefined) return;
    lease.told = root.held;
    this.#leased.add(running as Leased);
  }

  /** A lease is over. */
  close(running: Running, directory?: Directory): void {
    const { lease } = running as Leased;
    if (!this.#leased.delete(running as Leased)) return;
    if (lease.growth !== undefined) this.#giveUp(running as Leased);
    if (lease.node !== undefined) directory?.dropPipe(lease.node.id);
    if (lease.barred) this.#parts.journal.releasePipe(`lease:${running.id}`, { returnEnd: -1 });
    if (lease.pipe === undefined) return;
    this.#parts.loop.unwatch(lease.pipe.writeEnd);
    lease.pipe.close();
    lease.pipe = undefined;
    this.#parts.journal.releasePipe(`lease:${running.id}`, { returnEnd: -1 });
  }

  /** How the pipe `id` is touched. */
  #toucher(id: number): <T>(what: () => T) => T {
    return (what) => this.#parts.touch(id, what);
  }

  #keep({ id }: Running, { writeEnd }: PrivatePipe): void {
    this.#parts.journal.keepPipe(`lease:${id}`, { writeEnd, returnEnd: -1 });
  }

  #watchEnd(running: Running, pipe: PrivatePipe): void {
    this.#parts.loop.watch(pipe.writeEnd, EPOLLET, () => {
      if (!pipe.abandon()) this.#parts.over(running);
    });
  }

  settle(now: number): void {
    for (const running of this.#grown.splice(0)) {
      const { growth } = running.lease;
      // What lies in pipes comes one by one.
      if (growth !== undefined && running.root.held < growth.wanted && now < growth.until)
        this.#grow(running, growth, now);
      else this.#giveUp(running);
    }
    for (const running of this.#growing.values()) {
      if ((running.lease.growth?.until ?? 0) <= now) this.#giveUp(running);
    }
    if (this.#leased.size > 0) this.#wishes.settle(this.#leased, now);
  }

  nextLook(): number {
    if (this.#grown.length > 0) return 0;
    let at = this.#leased.size > 0 ? this.#wishes.nextLook() : Number.POSITIVE_INFINITY;
    for (const { lease } of this.#growing.values()) at = Math.min(at, lease.growth?.until ?? at);
    return at;
  }

  #grow(running: Leased, growth: Omit<NonNullable<Lease['growth']>, 'waiter'>, now: number): void {
    const { root, lease } = running;
    const waiter = { client: root, reserves: false, since: now, order: 0, min: 1, max: growth.wanted - root.held };
    lease.growth = { ...growth, waiter };
    this.#growing.set(waiter, running);
    this.#parts.ledger.acquire(waiter, now);
  }

  /** It waits for no more: whoever asked is told what it has. */
  #giveUp({ lease, root }: Leased): void {
    const { growth } = lease;
    if (growth === undefined) return;
    this.#parts.ledger.cancel(growth.waiter);
    this.#growing.delete(growth.waiter);
    lease.growth = undefined;
    lease.told = root.held;
    this.#parts.send({ type: 'resized', request: growth.request, slots: root.held });
  }

  #tell({ id, facts, lease, rootFd }: Leased, slots: number): void {
    this.#parts.send({ type: 'wish', id, slots });
    if (lease.signal === 0 || !maySignal(facts.uid, facts.rootPid)) return;
    try {
      signalPidfd(rootFd, lease.signal);
    } catch {
      // It has just ended.
    }
  }
}
