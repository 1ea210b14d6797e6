// What each user may have of the daemon's: descriptors for processes and their pipes, and pipes at all, as long as nobody keeps them
// locked. Root may have any number.
import { ownerOf } from '../process/owners.ts';

/** So often a user may keep a pipe locked until an engine is given up; then he has none any more. */
const MAX_OFFENCES = 2;

export class Quotas {
  /** Descriptors that may be kept for one user. */
  readonly #descriptors: number;
  /** Descriptors that are kept for the clients of each user. */
  readonly #kept = new Map<number, number>();
  /** How often each user has kept a pipe locked for too long. */
  readonly #offences = new Map<number, number>();

  constructor(descriptors: number) {
    this.#descriptors = descriptors;
  }

  /** Whether so many more descriptors may be kept for a user. */
  allow(uid: number, more: number): boolean {
    return uid === 0 || (this.#kept.get(ownerOf(uid)) ?? 0) + more <= this.#descriptors;
  }

  /** More are kept for the user `owner` (see process/owners.ts), or fewer when it is below 0. */
  keep(owner: number, descriptors: number): void {
    const kept = (this.#kept.get(owner) ?? 0) + descriptors;
    if (kept > 0) this.#kept.set(owner, kept);
    else this.#kept.delete(owner);
  }

  offends(uid: number, count = 1): void {
    const owner = ownerOf(uid);
    this.#offences.set(owner, (this.#offences.get(owner) ?? 0) + count);
  }

  /** Whether no pipe of a user is touched any more. */
  banned(uid: number): boolean {
    return uid !== 0 && (this.#offences.get(ownerOf(uid)) ?? 0) >= MAX_OFFENCES;
  }

  /** By user, how often; for the next engine. */
  get offences(): [number, number][] {
    return [...this.#offences];
  }
}
