// What can be chosen about sharing. Durations are milliseconds of the caller's clock.

export interface Policy {
  /** Whether the first slot of a build that finds none free is given beyond the limit, or waited for. */
  readonly firstSlot: 'overcommit' | 'wait';
  /** How far first slots may take the pool beyond its limit, slots from 0; undefined: an eighth of the capacity, at least 1. */
  readonly firstSlotMax: number | undefined;
  /** How far builds may take it beyond that which are short of their share while others return nothing: a part of the capacity, 0 to 1. */
  readonly newcomerOvercommit: number;
  /** Slots that one client may have, from 1; Infinity: any number. */
  readonly clientMax: number;
  /** Slots that one build may have, from 1. */
  readonly buildMax: number;
  /** Slots that all builds of one user may have together, from 1. */
  readonly userMax: number;
}

/** What a daemon does when nobody says otherwise. */
export const DEFAULT_POLICY: Policy = {
  firstSlot: 'overcommit',
  firstSlotMax: undefined,
  newcomerOvercommit: 0.25,
  clientMax: Number.POSITIVE_INFINITY,
  buildMax: Number.POSITIVE_INFINITY,
  userMax: Number.POSITIVE_INFINITY,
};

/** Never more than the limit: what the ledger does by itself. */
export const STRICT_POLICY: Policy = { ...DEFAULT_POLICY, firstSlot: 'wait', newcomerOvercommit: 0 };

/** How long a build is short of its share, without a free slot for it, before it may be given one beyond the limit. */
export const PATIENCE = 500;
/** How long slots are set aside for a demand that is next and needs more than are free; doubled each time it gives way. */
export const SET_ASIDE = 30_000;
/** How long it then gives way. */
export const GIVE_WAY = 5_000;
/** Interactive builds go before others that waited longer at most so many times before one of those has its turn. */
export const MAX_STREAK = 8;

/** Slots beyond the limit that first slots may take. */
export function firstSlotBound({ firstSlot, firstSlotMax }: Policy, capacity: number): number {
  // What was right for a larger pool is not for one that was made smaller since.
  return firstSlot === 'wait' ? 0 : Math.min(capacity, firstSlotMax ?? Math.max(1, capacity >> 3));
}

/** Slots beyond the limit that builds short of their share may have beside that. */
export function newcomerBound({ newcomerOvercommit }: Policy, capacity: number): number {
  return Math.ceil(newcomerOvercommit * capacity);
}

/** Slots beyond the limit that there may be in all. */
export function overcommitBound(policy: Policy, capacity: number): number {
  return firstSlotBound(policy, capacity) + newcomerBound(policy, capacity);
}
