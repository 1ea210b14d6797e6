// Which build of the machine a process belongs to: by the roots of `stint run`, by what it descends from, and by what it shares with
// others. Who is a client already, it asks.
import { chooseBuild, type Kin, type Lineage } from '../process/lineage.ts';
import type { Builds, Running } from './builds.ts';
import type { Process } from './process.ts';
import type { Withs } from './withs.ts';

/** What the next engine has to know of how a build is found. */
export interface KinshipFact {
  /** When its root was started. */
  start: number | undefined;
  /** By what processes find it. */
  keys: string[];
}

interface Parts {
  builds: Builds;
  withs: Withs;
  /** The record of a process that has been seen, while that lives. */
  find: (kin: Pick<Kin, 'pid' | 'start'>) => Process | undefined;
}

export class Kinship {
  readonly #parts: Parts;
  readonly #keyed = new Map<string, Running>();
  /** Roots of `stint run`: when they were started, to tell a number that came back. */
  readonly #roots = new Map<number, { start: number; running: Running }>();
  /** The same for roots that may be gone. */
  readonly #rootStart = new WeakMap<Running, number>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The build that a process is in, or would begin. */
  choose(lineage: Lineage): ReturnType<typeof chooseBuild<Running>> {
    return chooseBuild<Running>(lineage, this.#known);
  }

  /** The build that a process is in, if that is there already. Whoever is in a lease stays there, also when its root is gone. */
  around(lineage: Lineage): Running | undefined {
    const known = this.#parts.find(lineage)?.running;
    if (known?.lease !== undefined) return known;
    const chosen = this.choose(lineage);
    return 'build' in chosen ? chosen.build : undefined;
  }

  /** Whether a process is in no build that is there already. */
  isNew(lineage: Lineage): boolean {
    return this.#parts.find(lineage) === undefined && this.around(lineage) === undefined;
  }

  /** The `stint run` that a process is in. */
  enclosing({ pid, start, ancestors }: Lineage): Running | undefined {
    for (const kin of [{ pid, start, comm: '' }, ...ancestors]) {
      const running = this.#known.runRoot(kin);
      if (running !== undefined) return running;
    }
    return undefined;
  }

  /** Whether a client stands above a process. */
  belowClient(lineage: Lineage): boolean {
    return lineage.ancestors.some((kin) => this.#known.client(kin) !== undefined);
  }

  /** Tells when the root of a build was started. */
  setRoot(running: Running, start: number): void {
    if (running.rootFd !== -1) this.#roots.set(running.facts.rootPid, { start, running });
    this.#rootStart.set(running, start);
  }

  /** The root of a build is gone. */
  rootGone(running: Running): void {
    if (this.#roots.get(running.facts.rootPid)?.running === running) this.#roots.delete(running.facts.rootPid);
  }

  /** From now on processes find the build by `key`. */
  setKey(key: string, running: Running): void {
    this.#keyed.set(key, running);
  }

  /** A build is over. */
  forget(running: Running): void {
    this.rootGone(running);
    for (const [key, keyed] of this.#keyed) if (keyed === running) this.#keyed.delete(key);
  }

  fact(running: Running): KinshipFact {
    const keys = [...this.#keyed].flatMap(([key, keyed]) => (keyed === running ? [key] : []));
    return { start: this.#rootStart.get(running), keys };
  }

  restore(running: Running, { start, keys }: KinshipFact): void {
    for (const key of keys) this.setKey(key, running);
    if (start !== undefined) this.setRoot(running, start);
  }

  /** What chooseBuild asks. */
  readonly #known = {
    runRoot: (kin: Kin): Running | undefined => {
      const root = this.#roots.get(kin.pid);
      // Until it has its slots, what is below it belongs where it belonged before.
      return root?.running.started && sameStart(root.start, kin.start) ? root.running : undefined;
    },
    client: (kin: Kin): Running | undefined => {
      const process = this.#parts.find(kin);
      return process?.opened ? process.running : undefined;
    },
    lent: ({ pid }: Kin): string | undefined => {
      const one = this.#parts.withs.nearest([pid]);
      return one && `with:${one.top.id}`;
    },
    keyed: (key: string): Running | undefined => this.#keyed.get(key),
    named: (id: string, { uid, start }: Pick<Lineage, 'uid' | 'start'>): Running | undefined => {
      const running = this.#parts.builds.byId.get(Number(id));
      if (!running?.started || running.facts.kind !== 'run' || running.facts.uid !== uid) return undefined;
      // Numbers begin anew with each daemon: what is older than the build was started in another one.
      return start === 0 || start >= (this.#rootStart.get(running) ?? 0) ? running : undefined;
    },
  };
}

/** Whether two times of start can be those of one process; 0 is not known, and then the pidfds have to do. */
export const sameStart = (a: number, b: number): boolean => a === b || a === 0 || b === 0;
