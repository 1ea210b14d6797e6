// The daemon's leases, as the API sees them: who may change one, and what one that is held by a connection is told. The
// slots themselves are the engine's, and a lease is a build like any other.
import { type Call, HttpError, mayChange, type Peer, type Stream } from '../api/call.ts';
import type { LeasePool } from '../api/lease-routes.ts';
import type { BuildStatus, LeaseOpened, LeaseStatus, OpenLease, PoolEvent } from '../api/schema.ts';
import type { Builds } from './builds.ts';

/** A lease that waits longer than this for its slots is told that it waits; milliseconds. */
const SILENCE = 100;

/** How long a lease waits for its holder after a restart, milliseconds. */
const CLAIM = 10_000;

/** A lease that has its slots. */
interface Entered {
  opened: LeaseOpened;
  /** False when they are those of a lease around it, which goes on without it. */
  own: boolean;
}

export class Leases implements LeasePool {
  readonly #builds: Builds;
  readonly #group: number | undefined;
  /** Those whose connection broke with the process before this one, until they are claimed. */
  readonly #waiting: Set<number>;

  /** @param group whose members may change others' leases, beside root and the daemon's own user */
  constructor(builds: Builds, group: number | undefined) {
    this.#builds = builds;
    this.#group = group;
    this.#waiting = new Set(builds.disconnected);
    if (this.#waiting.size > 0) setTimeout(() => this.#endWaiting(), CLAIM).unref();
  }

  #endWaiting(): void {
    for (const id of this.#waiting) this.#builds.engine.end(id);
  }

  async leases(): Promise<LeaseStatus[]> {
    const { builds } = await this.#builds.status();
    return builds.flatMap((build) => leaseStatus(build) ?? []);
  }

  async lease(id: string): Promise<LeaseStatus> {
    const found = (await this.leases()).find((one) => String(one.id) === id);
    if (found === undefined) throw new HttpError(404, `there is no lease ${id}, or no longer`);
    return found;
  }

  async openLease(request: OpenLease, call: Call, stream: () => Stream): Promise<LeaseOpened | undefined> {
    if (request.again && (await this.#builds.claimed(request.claim, call.peer)) === undefined)
      throw new HttpError(410, 'the lease is over');
    if (request.hold === 'process') return (await this.#enter(request, call)).opened;
    const holder = new Holder(this.#builds, call.gone);
    const waiting = setTimeout(() => holder.begin(stream), SILENCE);
    try {
      const entered = await this.#enter(request, call, (id) => holder.came(id));
      holder.begin(stream);
      holder.granted(entered);
    } catch (error) {
      if (!holder.failed(error as Error)) throw error;
    } finally {
      clearTimeout(waiting);
    }
    return undefined;
  }

  async resizeLease(id: string, slots: number, caller: Peer): Promise<LeaseStatus> {
    const lease = await this.#changeable(id, caller);
    const has = await this.#builds.engine.resize(lease.id, slots);
    if (has === 0) throw new HttpError(409, `lease ${id} has no slots that could become ${slots}`);
    if (has !== lease.slots) this.#builds.tell({ type: 'slots', time: Date.now(), id: lease.id, slots: has });
    return this.lease(id);
  }

  async endLease(id: string, caller: Peer): Promise<LeaseStatus> {
    const lease = await this.#changeable(id, caller);
    this.#builds.engine.end(lease.id);
    return lease;
  }

  async #enter(request: OpenLease, { peer, gone }: Call, came?: (id: number) => void): Promise<Entered> {
    const { label, cwd, min, max, signal, timeLimit, claim } = request;
    const connected = request.hold === 'connection';
    const { capacity } = this.#builds;
    const lease = { min, max, signal };
    const entry = { label, cwd, implicit: 1 as const, lease, timeLimit, claim, connected, ...(came && { came }) };
    const { id, path, within, slots } = await this.#builds.enter(entry, peer, gone);
    this.#waiting.delete(id);
    const opened = { id, slots: Math.min(slots ?? 0, max), fifo: path, capacity };
    if (!within) return { opened, own: true };
    if (slots === undefined) throw new HttpError(409, noLeaseWithin(id));
    if (slots < min)
      throw new HttpError(409, `it is part of lease ${id}, which has ${slots} slots, and ${min} are asked for at once`);
    if (timeLimit !== undefined)
      throw new HttpError(409, `it is part of lease ${id}: give the limit to that one, or use timeout(1)`);
    return { opened, own: false };
  }

  async #changeable(id: string, peer: Peer): Promise<LeaseStatus> {
    const lease = await this.lease(id);
    if (lease.uid === peer.uid || mayChange(peer, this.#group)) return lease;
    throw new HttpError(403, `lease ${id} belongs to user ${lease.user}`);
  }
}

/** The connection that holds a lease, and what is said over it. */
class Holder {
  readonly #builds: Builds;
  readonly #gone: AbortSignal;
  #stream: Stream | undefined;
  #id = 0;
  #slots = 0;

  constructor(builds: Builds, gone: AbortSignal) {
    this.#builds = builds;
    this.#gone = gone;
  }

  /** The lease has its number. */
  came(id: number): void {
    this.#id = id;
  }

  /** From now on the answer is events; the first says that it waits, if it does. */
  begin(stream: () => Stream): void {
    if (this.#stream !== undefined) return;
    this.#stream = stream();
    this.#stream.send('lease', { id: this.#id });
  }

  granted({ opened, own }: Entered): void {
    this.#id = opened.id;
    this.#slots = opened.slots;
    this.#stream?.send('slots', opened);
    const stop = this.#builds.subscribe((event) => this.#heard(event));
    const over = () => {
      stop();
      if (own) this.#builds.engine.end(this.#id);
    };
    if (this.#gone.aborted) over();
    else this.#gone.addEventListener('abort', over);
  }

  /** False when nothing has been said yet, so that the error can be the answer. */
  failed(error: Error): boolean {
    if (this.#stream === undefined) return false;
    this.#stream.send('failed', { error: error.message, status: error instanceof HttpError ? error.status : 500 });
    this.#stream.end();
    return true;
  }

  #heard(event: PoolEvent): void {
    if (!('id' in event) || event.id !== this.#id) return;
    if (event.type === 'slots') {
      this.#slots = event.slots;
      this.#stream?.send('slots', { id: this.#id, slots: event.slots });
    } else if (event.type === 'wish') {
      const name = event.slots < this.#slots ? 'shrink' : event.slots > this.#slots ? 'grow' : 'keep';
      this.#stream?.send(name, { id: this.#id, slots: event.slots });
    } else if (event.type === 'ended') {
      this.#stream?.send('ended', { id: this.#id });
      this.#stream?.end();
    }
  }
}

function leaseStatus(build: BuildStatus): LeaseStatus | undefined {
  const { id, label, cwd, rootPid, user, uid, since, state, reason, lease, implicit } = build;
  if (lease === undefined) return undefined;
  return { id, label, cwd, rootPid, user, uid, since, state, ...(reason && { reason }), slots: implicit, ...lease };
}

/** Why there is no lease for a command that is part of a build: it could wait for a slot that the build itself has. */
const noLeaseWithin = (id: number): string =>
  `it is part of build ${id}, which has slots already: start that one with the slots`;
