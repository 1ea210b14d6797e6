// What builds have had of the pool so far, written down now and then: another engine goes on counting from there.
import type { Ledger } from '../core/ledger.ts';
import type { Running } from './builds.ts';
import type { Journal } from './journal/journal.ts';
import type { Past } from './journal/past.ts';
import type { BuildAccount } from './messages.ts';

/** Not more often than this, milliseconds: so much of them is lost when an engine dies. */
const AGAIN = 5_000;

export class Courses {
  readonly #ledger: Ledger;
  readonly #journal: Journal;
  /** What was written down, as text. */
  readonly #kept = new Map<number, string>();
  #next = Number.NEGATIVE_INFINITY;

  constructor(ledger: Ledger, journal: Journal) {
    this.#ledger = ledger;
    this.#journal = journal;
  }

  /** What a build has had until now. */
  of({ build }: Running): BuildAccount {
    const { used, idle, waited, peak } = this.#ledger.account(build);
    return { used, idle, waited, peak, granted: build.granted };
  }

  /** Writes down what has changed, when it is time for that. */
  keep(all: Iterable<Running>, now: number): void {
    if (now < this.#next) return;
    this.#next = now + AGAIN;
    this.keepNow(all);
  }

  keepNow(all: Iterable<Running>): void {
    for (const running of all) if (running.started) this.#put(running.id, this.of(running));
  }

  /** Goes on from what another engine has written down of a build that has nothing yet. */
  restore({ id, build }: Running, { facts }: Past): void {
    const fact = facts.get(keyOf(id)) as BuildAccount | undefined;
    if (fact === undefined) return;
    const { granted, ...account } = fact;
    Object.assign(build.account, account);
    build.granted = granted;
    this.#put(id, fact);
  }

  forget({ id }: Running): void {
    if (this.#kept.delete(id)) this.#journal.drop(keyOf(id));
  }

  #put(id: number, account: BuildAccount): void {
    const text = JSON.stringify(account);
    if (this.#kept.get(id) === text) return;
    this.#kept.set(id, text);
    this.#journal.put(keyOf(id), account);
  }
}

const keyOf = (id: number): string => `course:${id}`;
