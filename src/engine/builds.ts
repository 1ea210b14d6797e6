// The builds of a pool: the first slot of each, and its root process. Where a build's further slots lie is the business of its
// ground: one FIFO for each build in user mode, the node of the machine in system mode.
import { closeSync } from 'node:fs';
import { Cap } from '../core/caps.ts';
import type { Ledger } from '../core/ledger.ts';
import type { Build, Client, Waiter } from '../core/types.ts';
import { waitsOf } from '../core/waits.ts';
import { EPOLLIN } from '../kernel/epoll.ts';
import { openPidfd } from '../kernel/pidfd.ts';
import { failureOf } from '../process/descriptors.ts';
import type { Lineage } from '../process/lineage.ts';
import { ownerOf } from '../process/owners.ts';
import { Courses } from './courses.ts';
import type { Mark } from './journal/counters.ts';
import type { Journal } from './journal/journal.ts';
import { MARK } from './journal/layout.ts';
import type { Past } from './journal/past.ts';
import type { Lease } from './leases.ts';
import type { Loop } from './loop.ts';
import type { BuildFacts, BuildFigures, BuildTerms, ClientFigures, FromEngine, LeaseTerms } from './messages.ts';
import { type Rules, type Said, standingOf } from './standings.ts';
import { Timeouts } from './timeouts.ts';
import type { With, Withs } from './withs.ts';

/** A build of the ledger together with its root process. */
export interface Running {
  readonly id: number;
  readonly facts: BuildFacts;
  readonly build: Build;
  /** Readable when the root process is gone; -1 after that, and for builds without a root. */
  rootFd: number;
  /** Holds the slot of the job that the root runs without a token. */
  root: Client | undefined;
  /** What the first slot waits with. */
  first: Waiter | undefined;
  /** Whether it has its first slot. */
  started: boolean;
  /** What its clients open, once it has been told. */
  path: string | undefined;
  /** The names of its caps: those of rules, and those that come from where it runs. */
  caps: readonly string[];
  bounds: readonly string[];
  /** What rules say of its user's part beside other users. */
  userWeight: number;
  /** What is lent to it. */
  readonly withs: Set<With>;
  /** What was said of it alone. */
  said: Said;
  /** The `stint with` that it is the build of; undefined: of none. */
  readonly below: With | undefined;
  /** What it asked for, if it is a lease; all its slots are then those of `root`. */
  lease: Lease | undefined;
}

/** How a build opens. */
export type Opening = BuildTerms & { now: number };

/** What the next engine has to know of a build that has started: under `build:ID`. */
interface BuildFact {
  facts: BuildFacts;
  /** Its root is gone. */
  gone: boolean;
  path: string | undefined;
  /** What the root has. */
  root: Mark | undefined;
  lease: LeaseTerms | undefined;
  /** The numbers of what is lent to it, and of what it is the build of. */
  withs: number[];
  below: number | undefined;
  /** What was said of it alone; missing in a journal of an older engine. */
  said?: Said;
  ground: unknown;
}

export interface Ground {
  /** The build has its first slot: the path that its clients open. @throws Error when there is none to be had */
  start(running: Running): string;
  /** Its root is gone. Returns false when nothing else of it is left. */
  rootGone(running: Running): boolean;
  /** It is over. */
  close(running: Running): void;
  /** Takes back what is stranded; how many slots that was. */
  reclaim(running: Running): number;
  /** What is known of a process beside the build that it is the root of, or below whose root it is. */
  find(lineage: Lineage): Whereabouts;
  /** The build of the last of these processes that is a client. */
  clientAbove(pids: readonly number[]): Running | undefined;
  /** What of the build the ground of the next engine has to know. */
  fact(running: Running): unknown;
  /** Takes over a build that another engine had. */
  restore(running: Running, fact: unknown, past: Past): void;
  /** Fills in what the build's nodes tell. */
  figures(running: Running): Pick<BuildFigures, 'waiting' | 'stranded' | 'surplus' | 'clients'>;
}

/** Where a process stands. */
export interface Whereabouts {
  /** The build that it is in, or that of the nearest `stint run` of its user which its environment names. */
  running?: Running | undefined;
  /** What it would begin by opening the jobserver. */
  would?: { kind: BuildFacts['kind']; label: string };
  /** Itself, if it has the jobserver open, and the nearest process above it that has. */
  client?: ClientFigures;
  above?: { pid: number; program: string };
  /** Its oldest acquire that waits. */
  waiter?: Waiter | undefined;
}

interface Parts {
  ledger: Ledger;
  loop: Loop;
  journal: Journal;
  ground: Ground;
  rules: Rules | undefined;
  send: (message: FromEngine) => void;
}

/** What a build stands below, and in. */
interface Nest {
  withs: readonly With[];
  below: With | undefined;
  bounds: readonly string[] | undefined;
}

export class Builds {
  readonly byId = new Map<number, Running>();
  readonly #ledger: Ledger;
  readonly #loop: Loop;
  readonly #journal: Journal;
  readonly #ground: Ground;
  readonly #send: (message: FromEngine) => void;
  #rules: Rules;
  /** It needs this, and is made after it: see `complete`. */
  #withs!: Withs;
  readonly #caps = new Map<string, Cap>();
  readonly #byFirst = new Map<Waiter, Running>();
  /** Builds that have got their first slot. */
  readonly #toStart: Running[] = [];
  /** The highest number of a build. */
  #last = 0;
  /** Builds whose root is gone and that still hold its slot. */
  readonly #rootless = new Set<Running>();
  readonly timeouts: Timeouts;
  readonly courses: Courses;

  constructor(parts: Parts) {
    this.#ledger = parts.ledger;
    this.#loop = parts.loop;
    this.#journal = parts.journal;
    this.#ground = parts.ground;
    this.#send = parts.send;
    this.courses = new Courses(this.#ledger, this.#journal);
    this.timeouts = new Timeouts(this.#journal, ({ id }) => this.#send({ type: 'expired', id }));
    this.#rules = parts.rules ?? { rules: [], class: 'normal' };
    for (const { name, max } of this.#rules.rules) if (max !== undefined) this.#cap(name).limit = max;
  }

  /** Gives it what could not be made before it. */
  complete(withs: Withs): void {
    this.#withs = withs;
  }

  /** A build begins; what it asks for is acquired for its root before it starts. */
  open(id: number, facts: BuildFacts, { implicit, lease, timeLimit, withs = [], bounds, now }: Opening): void {
    let rootFd: number;
    try {
      rootFd = openPidfd(facts.rootPid);
    } catch (error) {
      this.#send({ type: 'failed', id, message: failureOf(error) });
      return;
    }
    const running = this.add(id, facts, { withs: this.#withs.named(withs), bounds });
    this.#watchRoot(running, rootFd);
    if (timeLimit !== undefined) this.timeouts.add(running, timeLimit, now);
    if (lease === undefined && implicit === 0) {
      this.#start(running);
      return;
    }
    running.root = this.#ledger.openClient(running.build, 'implicit', facts.rootPid);
    if (lease !== undefined) running.lease = newLease(lease);
    if (this.#refusedForEver(running)) return;
    const { min = 1, max = 1 } = lease ?? {};
    running.first = { client: running.root, reserves: false, since: now, order: 0, min, max };
    this.#byFirst.set(running.first, running);
    this.#ledger.acquire(running.first, now);
  }

  /** A build without a root of its own, which runs already. */
  add(id: number, facts: BuildFacts, { withs = [], below, bounds = [] }: Partial<Nest> = {}): Running {
    if (id > this.#last) this.#journal.counters.setMark(MARK.build, (this.#last = id));
    const build = this.#ledger.openBuild({ user: ownerOf(facts.uid), tag: id });
    const running: Running = {
      id,
      facts,
      build,
      rootFd: -1,
      root: undefined,
      first: undefined,
      started: false,
      path: undefined,
      caps: [],
      bounds,
      userWeight: 1,
      lease: undefined,
      withs: new Set(withs),
      said: {},
      below,
    };
    this.byId.set(id, running);
    for (const one of withs) one.builds.add(running);
    this.#stand(running);
    this.#weigh(running);
    return running;
  }

  /** Writes down what the next engine has to know of a build, once it has started. */
  note(running: Running): void {
    if (!running.started) return;
    const { id, facts, path, root, rootFd, lease, withs, below, said } = running;
    const fact: BuildFact = {
      facts,
      gone: rootFd === -1,
      path,
      root: root && this.#journal.counters.markOf(root.record),
      lease: lease && { min: lease.min, max: lease.max, signal: lease.signal },
      withs: [...withs].map((one) => one.id),
      below: below?.id,
      said,
      ground: this.#ground.fact(running),
    };
    this.#journal.put(`build:${id}`, fact);
  }

  /** Takes over the builds that another engine had, oldest first; what is lent is there already. */
  restoreAll(past: Past): void {
    for (const [key, fact] of past.facts) {
      if (key.startsWith('build:')) this.#restore(Number(key.slice('build:'.length)), fact as BuildFact, past);
    }
    this.#last = Math.max(this.#last, past.counters.mark(MARK.build));
    this.#journal.counters.setMark(MARK.build, this.#last);
    this.#send({ type: 'restored', last: this.#last, damaged: past.damaged + past.counters.damaged });
  }

  #restore(id: number, fact: BuildFact, past: Past): void {
    const [below] = fact.below === undefined ? [] : this.#withs.named([fact.below]);
    const { facts } = fact;
    const running = this.add(id, facts, { withs: this.#withs.named(fact.withs), below });
    running.started = true;
    running.path = fact.path;
    Object.assign(running.said, fact.said);
    this.courses.restore(running, past);
    this.#stand(running);
    const rootFd = fact.gone ? undefined : this.#journal.claim(`root:${id}`);
    if (rootFd !== undefined) this.#watchRoot(running, rootFd);
    const had = (fact.root && past.counters.value(fact.root)) ?? 0;
    // The root of a lease stands for its pipe, too: that can be open when nothing is held any more.
    if (had > 0 || fact.lease !== undefined) {
      running.root = this.#ledger.openClient(running.build, 'implicit', facts.rootPid);
      this.#ledger.restore(running.root, had, 0);
      if (rootFd === undefined && fact.lease === undefined) this.#rootless.add(running);
    }
    if (fact.lease !== undefined) running.lease = newLease(fact.lease);
    this.#ground.restore(running, fact.ground, past);
    this.timeouts.restore(running, past);
    this.note(running);
    this.#send({ type: 'appeared', id, facts, path: running.path });
  }

  /** True when `waiter` waited for a first slot: its build starts, but not before the ledger has done. */
  granted(waiter: Waiter): boolean {
    const starting = this.#byFirst.get(waiter);
    if (starting !== undefined) this.#toStart.push(starting);
    return starting !== undefined;
  }

  /** Whether there is something to do for `startGranted` or `dropIdleRoots`. */
  get pending(): boolean {
    if (this.#toStart.length > 0) return true;
    for (const { build } of this.#rootless) if (build.held <= 0) return true;
    return false;
  }

  /** Starts what has got its first slot; false when there was nothing. */
  startGranted(): boolean {
    const starting = this.#toStart.splice(0);
    for (const running of starting) if (this.byId.has(running.id)) this.#start(running);
    return starting.length > 0;
  }

  cancel(id: number): void {
    const running = this.byId.get(id);
    if (running !== undefined && !running.started) this.end(running);
  }

  /** A build that has not started yet is refused. */
  refuse(running: Running, message: string): void {
    this.#forget(running);
    this.#send({ type: 'failed', id: running.id, message });
  }

  /** The slot of a gone root is kept for what it left behind as long as that works, that is, holds slots. */
  dropIdleRoots(): void {
    for (const running of this.#rootless) {
      if (running.build.held > 0) continue;
      if (running.root !== undefined) this.#ledger.forget(running.root);
      running.root = undefined;
      this.#rootless.delete(running);
    }
  }

  end(running: Running): void {
    if (!this.byId.has(running.id)) return;
    this.#forget(running);
    this.#send({ type: 'ended', id: running.id, account: this.courses.of(running) });
  }

  /** The same for the number of a build, if there is such a build. */
  endById(id: number): void {
    const running = this.byId.get(id);
    if (running !== undefined) this.end(running);
  }

  figures(): BuildFigures[] {
    const waits = waitsOf(this.#ledger);
    return [...this.byId.values()].map((running) => {
      const { id, facts, build, started, rootFd, caps } = running;
      const left = rootFd === -1 && facts.kind === 'run';
      const state = !started ? ('starting' as const) : left ? ('left' as const) : ('running' as const);
      const { implicit, held, offered, weight, max } = build;
      const bounds = caps.map((name) => ({ name, slots: this.#cap(name).limit }));
      const standing = { weight, class: build.class, max, caps: bounds, share: this.#ledger.share(build) };
      const account = this.courses.of(running);
      const figures = { id, facts, state, implicit, held, offered, ...standing, ...this.#ground.figures(running) };
      return { ...figures, account, ...leaseFigures(running), wait: waits(build) };
    });
  }

  /** Changes what the configuration says of builds. */
  setRules(rules: Rules): void {
    const before = this.#rules.rules;
    this.#rules = rules;
    for (const { name, max } of rules.rules) if (max !== undefined) this.setCap(name, max);
    for (const running of this.byId.values()) this.#stand(running);
    for (const running of this.byId.values()) this.#weigh(running);
    const now = new Set(rules.rules.filter(({ max }) => max !== undefined).map(({ name }) => name));
    for (const { name } of before) if (!now.has(name)) this.setCap(name, Number.POSITIVE_INFINITY);
  }

  /** The build that the first of these processes is in; the others are those above it, nearest first. */
  around(pids: readonly number[]): Running | undefined {
    const roots = new Map<number, Running>();
    for (const one of this.byId.values()) if (one.rootFd !== -1 && one.started) roots.set(one.facts.rootPid, one);
    const root = pids.find((pid) => roots.has(pid));
    return root === undefined ? this.#ground.clientAbove(pids) : roots.get(root);
  }

  /** Something is said of a build alone; what was said before stays, as far as it is of something else. */
  say(id: number, said: Said): void {
    const running = this.byId.get(id);
    if (running === undefined) return;
    const { weight, class: of, lowered } = said;
    if (weight !== undefined) running.said.weight = weight;
    if (of !== undefined) {
      running.said.class = of;
      delete running.said.lowered;
    }
    if (lowered !== undefined) running.said.lowered = lowered;
    this.#stand(running);
    this.note(running);
  }

  /** Takes back what nobody can have any more; how many slots that was. */
  reclaim(id: number): number {
    const running = this.byId.get(id);
    return running === undefined ? 0 : this.#ground.reclaim(running);
  }

  /** Something is lent to a build. */
  lend(one: With, running: Running): void {
    one.builds.add(running);
    running.withs.add(one);
    this.note(running);
    this.#stand(running);
  }

  /** What was lent to a build counts no longer. */
  takeBack(one: With, running: Running): void {
    running.withs.delete(one);
    this.note(running);
    this.#stand(running);
  }

  /** Changes the bounds of a build that come from where it runs. */
  bound(id: number, bounds: readonly string[]): void {
    const running = this.byId.get(id);
    if (running === undefined) return;
    running.bounds = bounds;
    this.#ledger.setBuild(running.build, { caps: this.#capsOf(running) });
  }

  /** Changes how many slots the builds under a cap may have together. */
  setCap(name: string, limit: number): void {
    this.#ledger.setCap(this.#cap(name), limit);
    if (limit < Number.POSITIVE_INFINITY) return;
    for (const { caps, bounds } of this.byId.values()) if (caps.includes(name) || bounds.includes(name)) return;
    this.#caps.delete(name); // groups come and go
  }

  close(): void {
    for (const running of this.byId.values()) if (running.rootFd !== -1) closeSync(running.rootFd);
  }

  /** Has the ledger heed how a build stands now. */
  #stand(running: Running): void {
    const { facts, build, withs, said } = running;
    const { caps, userWeight, ...terms } = standingOf(facts, this.#rules, { lenders: withs, said });
    running.caps = caps;
    running.userWeight = userWeight;
    this.#ledger.setBuild(build, { ...terms, caps: this.#capsOf(running) });
    this.#refusedForEver(running);
  }

  /** Of what rules say of a user by builds in different groups the largest counts, whichever came last. */
  #weigh({ facts: { uid }, build: { user }, userWeight }: Running): void {
    if (user.weight === userWeight) return;
    const own = [...this.byId.values()].filter(({ build }) => build.user === user).map((one) => one.userWeight);
    const weight = Math.max(...own);
    if (own.length > 0 && user.weight !== weight) this.#ledger.setUserWeight(ownerOf(uid), weight);
  }

  #capsOf({ caps, bounds }: Running): Cap[] {
    return [...new Set([...caps, ...bounds])].map((name) => this.#cap(name));
  }

  #cap(name: string): Cap {
    const cap = this.#caps.get(name) ?? new Cap(name, Number.POSITIVE_INFINITY);
    this.#caps.set(name, cap);
    return cap;
  }

  #start(running: Running): void {
    if (running.first !== undefined) this.#byFirst.delete(running.first);
    running.first = undefined;
    let path: string;
    try {
      path = running.path = this.#ground.start(running);
    } catch (error) {
      this.refuse(running, failureOf(error));
      return;
    }
    running.started = true;
    if (running.rootFd !== -1) this.#journal.keep(`root:${running.id}`, running.rootFd);
    this.note(running);
    this.#send({ type: 'started', id: running.id, path, slots: running.lease && running.root?.held });
  }

  /**
   * Fails a lease that waits for more slots than it could ever have by what is configured; false when there is no reason to. What
   * the machine or a control group can bear changes by itself, and so does a pool for which somebody has lent fewer slots.
   */
  #refusedForEver(running: Running): boolean {
    const { id, lease, build, started } = running;
    if (lease === undefined || started) return false;
    const lasting = build.caps.filter(({ name }) => !running.bounds.includes(name));
    const bounds = [
      { name: 'one client may have', limit: this.#ledger.policy.clientMax },
      ...lasting.map(({ name, limit }) => ({ name: `${name} may have`, limit })),
    ];
    const bound = bounds.find(({ limit }) => limit < lease.min);
    if (bound === undefined) return false;
    this.#forget(running);
    const slots = `${bound.limit} ${bound.limit === 1 ? 'slot' : 'slots'}`;
    const message = `${bound.name} ${slots}, and ${lease.min} are asked for at once`;
    this.#send({ type: 'failed', id, message, never: true });
    return true;
  }

  #rootGone(running: Running): void {
    this.#send({ type: 'exited', id: running.id, pidfd: this.#unwatchRoot(running) });
    this.timeouts.forget(running);
    if (!running.started || !this.#ground.rootGone(running)) this.end(running);
    else {
      if (running.lease === undefined) this.#rootless.add(running);
      this.note(running);
    }
  }

  #forget(running: Running): void {
    if (running.rootFd !== -1) closeSync(this.#unwatchRoot(running));
    if (running.first !== undefined) this.#byFirst.delete(running.first);
    this.timeouts.forget(running);
    this.courses.forget(running);
    for (const one of running.withs) one.builds.delete(running);
    this.#journal.drop(`build:${running.id}`);
    this.#ground.close(running);
    this.#rootless.delete(running);
    this.#ledger.closeBuild(running.build);
    this.byId.delete(running.id);
    for (const other of this.byId.values()) {
      if (other.build.user !== running.build.user) continue;
      this.#weigh(other);
      break;
    }
  }

  /** The descriptor, which is nobody's now. */
  #unwatchRoot(running: Running): number {
    const { rootFd } = running;
    this.#loop.unwatch(rootFd);
    this.#journal.release(`root:${running.id}`);
    running.rootFd = -1;
    return rootFd;
  }

  #watchRoot(running: Running, rootFd: number): void {
    running.rootFd = rootFd;
    this.#loop.watch(rootFd, EPOLLIN, () => this.#rootGone(running));
  }
}

const newLease = ({ min, max, signal }: LeaseTerms): Lease => ({
  min,
  max,
  signal,
  pipe: undefined,
  node: undefined,
  growth: undefined,
  told: min,
  toldAt: Number.NEGATIVE_INFINITY,
});

function leaseFigures({ lease }: Running): Pick<BuildFigures, 'lease'> {
  return lease === undefined ? {} : { lease: { min: lease.min, max: lease.max, wish: lease.told } };
}
