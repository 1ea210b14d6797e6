// New records of the ledger, with nothing in them yet.
import { newAccount } from './accounts.ts';
import { Cap } from './caps.ts';
import { buildTurn, clientTurn } from './fairness.ts';
import { Heap } from './heap.ts';
import type { Build, BuildClass, Client, ClientKind, Lane, User } from './types.ts';

export class UserRecord implements User {
  readonly key: number | string;
  weight = 1;
  readonly cap: Cap;
  builds = 0;
  activeWeight = 0;
  active = 0;
  readonly waiting: User['waiting'] = {
    interactive: new Heap<Build>(buildTurn),
    normal: new Heap<Build>(buildTurn),
    background: new Heap<Build>(buildTurn),
  };
  readonly fore: Lane = { at: -1, user: this, classes: ['interactive', 'normal'], next: 0 };
  readonly back: Lane = { at: -1, user: this, classes: ['background'], next: 0 };
  standing = 0;
  streak = 0;

  /** @param max slots that its builds may have together */
  constructor(key: number | string, max: number) {
    this.key = key;
    this.cap = new Cap(`user ${key}`, max);
  }
}

/** What is said of a build when it opens, or later. */
export interface BuildTerms {
  /** Its part beside other builds of its user: above 0. */
  weight: number;
  class: BuildClass;
  /** Slots that it may have, from 1; undefined: what the policy says. */
  max: number | undefined;
  /** The bounds that it shares with others, beside its user's. */
  caps: readonly Cap[];
}

/** Where a record comes from. */
export interface Arrival {
  /** Order of arrival. */
  order: number;
  /** When, milliseconds. */
  now: number;
  /** A number of the caller's own. */
  tag: number;
}

export function newBuild(
  user: User,
  { weight, class: of, max, caps }: BuildTerms,
  { order, now, tag }: Arrival,
): Build {
  const own = new Cap('this build', Number.POSITIVE_INFINITY);
  return {
    at: -1,
    user,
    tag,
    order,
    weight,
    class: of,
    max,
    own,
    caps: [own, user.cap, ...caps],
    clients: new Set(),
    implicit: 0,
    held: 0,
    offered: 0,
    waiters: 0,
    demands: false,
    waiting: new Heap<Client>(clientTurn),
    admitted: 0,
    standing: 0,
    next: 0,
    active: false,
    fresh: true,
    newcomer: true,
    shortSince: Number.POSITIVE_INFINITY,
    granted: 0,
    account: newAccount(now),
  };
}

export function newClient(build: Build, kind: ClientKind, tag: number): Client {
  return { at: -1, build, kind, tag, held: 0, offered: 0, waiters: new Set(), order: 0, alive: true, record: -1 };
}
