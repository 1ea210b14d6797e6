// The commands under `stint with`: which builds each speaks of, and when it ends. Started inside a build it speaks of that build;
// outside of any, of the builds that begin below it, and what opens the machine's node below it is one build with it. What is lent is
// undone when the process ends, however it ends.
import { closeSync } from 'node:fs';
import { EPOLLIN } from '../kernel/epoll.ts';
import { openPidfd } from '../kernel/pidfd.ts';
import { isShort, NONE_LEFT } from '../process/descriptors.ts';
import type { Builds, Running } from './builds.ts';
import type { Journal } from './journal/journal.ts';
import type { Past } from './journal/past.ts';
import type { Loop } from './loop.ts';
import { type FromEngine, LEAVING, type ToEngine } from './messages.ts';
import type { Lender } from './standings.ts';

export interface With extends Lender {
  readonly id: number;
  readonly pid: number;
  /** The outermost one that stands outside of any build, with this one below it. */
  readonly top: With;
  /** What it speaks of. */
  readonly builds: Set<Running>;
}

type Opening = Extract<ToEngine, { type: 'with' }>;

/** What the next engine has to know of one: under `with:ID`. What it speaks of, the builds know. */
interface WithFact extends Lender {
  pid: number;
  /** The build that it stands in. */
  inside: number | undefined;
  status: unknown;
  /** The number of the outermost one. */
  top: number;
}

interface Parts {
  loop: Loop;
  journal: Journal;
  builds: Builds;
  send: (message: FromEngine) => void;
}

export class Withs {
  readonly #parts: Parts;
  readonly #byId = new Map<number, With>();
  /** Of several in one process the last is the innermost. */
  readonly #byPid = new Map<number, With[]>();
  #refusing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** `holds` follows when it counts, and `over` when it does no longer. */
  open({ id, pids, uid, trusted, terms, status }: Opening): void {
    const { journal, builds, send } = this.#parts;
    const [pid = 0] = pids;
    let pidfd: number;
    try {
      pidfd = openPidfd(pid);
    } catch (error) {
      send({ type: 'over', id, ...(isShort(error) && { failure: NONE_LEFT }) });
      return;
    }
    const inside = builds.around(pids);
    const outer = inside === undefined ? this.nearest(pids) : undefined;
    if (this.#refusing && inside === undefined && outer === undefined) {
      closeSync(pidfd);
      send({ type: 'over', id, failure: LEAVING });
      return;
    }
    const one: Mutable = { id, pid, uid, trusted, terms, top: undefined, builds: new Set() };
    one.top = outer?.top ?? (one as With);
    journal.keep(`with:${id}`, pidfd);
    this.#add(one as With, pidfd, { inside: inside?.id, status });
    for (const running of builds.byId.values()) {
      if (running === inside || (inside === undefined && running.below === one.top)) builds.lend(one as With, running);
    }
    send({ type: 'holds', id, inside: inside?.id });
  }

  /** From now on nothing is lent to whom nothing is lent yet, and who is in no build. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Takes over what another engine had lent; before the builds, which know what is lent to them. */
  restore({ facts }: Past): void {
    const { journal, send } = this.#parts;
    for (const [key, fact] of facts) {
      if (!key.startsWith('with:')) continue;
      const { pid, uid, trusted, terms, top, inside, status } = fact as WithFact;
      const id = Number(key.slice('with:'.length));
      const pidfd = journal.claim(key);
      if (pidfd === undefined) continue;
      const one: Mutable = { id, pid, uid, trusted, terms, top: undefined, builds: new Set() };
      one.top = this.#byId.get(top) ?? (one as With);
      this.#add(one as With, pidfd, { inside, status });
      send({ type: 'lent', id, inside, status });
    }
  }

  /** The nearest one that is, or is above, the first of these processes. */
  nearest(pids: readonly number[]): With | undefined {
    const pid = pids.find((one) => this.#byPid.has(one));
    return pid === undefined ? undefined : this.#byPid.get(pid)?.at(-1);
  }

  /** Those that go by these numbers, as far as they have not ended. */
  named(ids: readonly number[]): With[] {
    return ids.flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** All that stand below `top`, itself among them. */
  below(top: With): With[] {
    return [...this.#byId.values()].filter((one) => one.top === top);
  }

  #add(one: With, pidfd: number, more: Pick<WithFact, 'inside' | 'status'>): void {
    const { loop, journal } = this.#parts;
    const { id, pid, uid, trusted, terms, top } = one;
    this.#byId.set(id, one);
    this.#byPid.set(pid, [...(this.#byPid.get(pid) ?? []), one]);
    const fact: WithFact = { pid, uid, trusted, terms, top: top.id, ...more };
    journal.put(`with:${id}`, fact);
    loop.watch(pidfd, EPOLLIN, () => {
      loop.unwatch(pidfd);
      closeSync(pidfd);
      this.#over(one);
    });
  }

  #over(one: With): void {
    this.#byId.delete(one.id);
    const others = this.#byPid.get(one.pid)?.filter((other) => other !== one) ?? [];
    if (others.length === 0) this.#byPid.delete(one.pid);
    else this.#byPid.set(one.pid, others);
    this.#parts.journal.drop(`with:${one.id}`);
    this.#parts.journal.release(`with:${one.id}`);
    for (const running of one.builds) this.#parts.builds.takeBack(one, running);
    this.#parts.send({ type: 'over', id: one.id });
  }
}

type Mutable = { -readonly [K in keyof With]: K extends 'top' ? With | undefined : With[K] };
