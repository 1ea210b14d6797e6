// The records of the ledger. Only core/ writes to them; everybody else reads.
import type { Heap, Placed } from './heap.ts';

/** What fairness is about: one root process and all below it. */
export interface Build extends Placed {
  readonly clients: Set<Client>;
  /** Slots of clients that run a job without a token. */
  implicit: number;
  /** Slots in clients' hands, less those that clients have lent out. */
  held: number;
  /** Slots that lie in this build's pipes or are reserved for its pollers, granted but not taken yet; they can be withdrawn. */
  offered: number;
  /** Clients that wait, best first. */
  readonly waiting: Heap<Client>;
}

/**
 * How a client's slots are counted.
 * `implicit`: the client stands for jobs that run without a token.
 * `exact`: every take and return is seen.
 * `offers`: slots are laid out for it and it takes them unseen; what it holds is found by counting.
 */
export type ClientKind = 'implicit' | 'exact' | 'offers';

/** One process or connection that takes slots, or one pipe for which that cannot be told apart. */
export interface Client extends Placed {
  readonly build: Build;
  readonly kind: ClientKind;
  /** -1 when it has lent out the slot of the job that it runs without a token. */
  held: number;
  /** `offers`: lie in its pipe. `exact`: reserved for it since it was told that it may take. */
  offered: number;
  /** Its acquires that wait, oldest first. */
  readonly waiters: Set<Waiter>;
  /** The order of its oldest waiter, while there is one. */
  order: number;
  /** False once it was forgotten. */
  alive: boolean;
}

/** An acquire: it waits in the queue, then is granted exactly one slot. The caller makes it, and may use it again. */
export interface Waiter {
  readonly client: Client;
  /** What is granted is set aside until the client takes it: booked as offered, not as held. */
  readonly reserves: boolean;
  /** When it began to wait, in milliseconds of the caller's clock. */
  since: number;
  /** Order of arrival: decides between equals. */
  order: number;
}

/** What a build has of the pool, in whatever form. */
export const outstanding = (build: Build): number => build.implicit + build.held + build.offered;

/** What a client has of the pool. */
export const has = (client: Client): number => client.held + client.offered;
