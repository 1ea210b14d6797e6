// The records of the ledger. Only core/ writes to them; everybody else reads.
import type { Account } from './accounts.ts';
import type { Cap } from './caps.ts';
import type { Heap, Placed } from './heap.ts';

/**
 * How a build stands beside others. `interactive`: goes before other builds of its user, up to its share. `background`: is
 * granted only what nobody else waits for.
 */
export type BuildClass = 'interactive' | 'normal' | 'background';

/** The first level of fairness: whose builds they are. */
export interface User {
  readonly key: number | string;
  /** Its part beside other users: above 0. */
  weight: number;
  /** What all its builds have of the pool, and how much they may have. */
  readonly cap: Cap;
  /** Builds that exist. */
  builds: number;
  /** The weights of its builds that have something or wait, summed. */
  activeWeight: number;
  /** Builds that have something or wait. */
  active: number;
  /** Its builds that wait, by class, best first. */
  readonly waiting: Readonly<Record<BuildClass, Heap<Build>>>;
  /** Its places in the queue: for builds that are not in the background, and for those that are. */
  readonly fore: Lane;
  readonly back: Lane;
  /** What it has for its weight, as the queue last counted it. */
  standing: number;
  /** Turns that its interactive builds had before one that had the better right, since a normal one had its turn. */
  streak: number;
}

/** The place of a user among all users that have builds waiting. */
export interface Lane extends Placed {
  readonly user: User;
  /** In which of its classes: one of them, or two. */
  readonly classes: readonly BuildClass[];
  /** The least of its first builds' `next`, as the queue last counted it. */
  next: number;
}

/** What fairness is about: one root process and all below it. */
export interface Build extends Placed {
  readonly user: User;
  /** A number of the caller's own. */
  readonly tag: number;
  /** Order of arrival. */
  readonly order: number;
  /** Its part beside other builds of its user: above 0. */
  weight: number;
  class: BuildClass;
  /** How many slots it may have, where that was said of it alone. */
  max: number | undefined;
  /** How many slots it may have. */
  readonly own: Cap;
  /** All bounds that count for it: its own, its user's, and those it shares with others. */
  caps: readonly Cap[];
  readonly clients: Set<Client>;
  /** Slots of clients that run a job without a token. */
  implicit: number;
  /** Slots in clients' hands, less those that clients have lent out. */
  held: number;
  /** Slots that lie in this build's pipes or are reserved for its pollers, granted but not taken yet; they can be withdrawn. */
  offered: number;
  /** Acquires of its clients that wait, those included that its caps keep back. */
  waiters: number;
  /** Whether the one that waits wants several slots at once. */
  demands: boolean;
  /** Clients that wait and may have more, best first. */
  readonly waiting: Heap<Client>;
  /** Acquires of those. */
  admitted: number;
  /** What it has for its weight, as the queue last counted it. */
  standing: number;
  /** The order of the client that is first there, as the queue last counted it. */
  next: number;
  /** Whether it counts when the pool is shared: it has something, or waits. */
  active: boolean;
  /** It has never had a slot. */
  fresh: boolean;
  /** Since it last held no token it has not had its share. */
  newcomer: boolean;
  /** Since when it waits without having been granted a free slot, as long as it is a newcomer; Infinity: it does not. */
  shortSince: number;
  /** Slots that came into its clients' hands so far. */
  granted: number;
  /** What it has had of the pool. */
  readonly account: Account;
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
  /** A number of the caller's own. */
  readonly tag: number;
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
  /** Where the scribe of the ledger writes down what it has; -1: nowhere. */
  record: number;
}

/** An acquire: it waits in the queue, then is granted its slots in one step. The caller makes it, and may use it again. */
export interface Waiter {
  readonly client: Client;
  /** What is granted is set aside until the client takes it: booked as offered, not as held. Only for one slot. */
  readonly reserves: boolean;
  /** It wants this many slots at once, 1 or more, and nothing before it can have all of them. */
  readonly min?: number;
  /** It takes up to so many where that is fair; `min` or more. */
  readonly max?: number;
  /** When it began to wait, in milliseconds of the caller's clock. */
  since: number;
  /** Order of arrival: decides between equals. */
  order: number;
}

/** What a build has of the pool, in whatever form. */
export const outstanding = (build: Build): number => build.implicit + build.held + build.offered;

export const isBackground = (build: Build): boolean => build.class === 'background';

/** What a client has of the pool. */
export const has = (client: Client): number => client.held + client.offered;

/** Its acquire whose turn is first. */
export function oldest(client: Client): Waiter | undefined {
  for (const waiter of client.waiters) return waiter;
  return undefined;
}
