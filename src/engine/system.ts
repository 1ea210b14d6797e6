// The ground of system mode: every process that opens the machine's node, which build it belongs to, and what it is shown.
// It owns the records of processes and threads; who they are is found out by another thread.
import { closeSync } from 'node:fs';
import os from 'node:os';
import type { Ledger } from '../core/ledger.ts';
import type { Client } from '../core/types.ts';
import { EPOLLIN } from '../kernel/epoll.ts';
import { openPidfd } from '../kernel/pidfd.ts';
import type { Caller, Thread } from '../nodes/caller.ts';
import type { FileNode } from '../nodes/file.ts';
import { type Directory, mayOpen, NAMES } from '../nodes/fuse/directory.ts';
import type { Host, Shown } from '../nodes/fuse/session.ts';
import type { Touch } from '../nodes/node.ts';
import type { Pipe, PipeNode } from '../nodes/pipe.ts';
import { type NodeChoice, nodeFor } from '../process/clients.ts';
import { isShort, NONE_LEFT } from '../process/descriptors.ts';
import type { Kin, Lineage } from '../process/lineage.ts';
import { ownerOf } from '../process/owners.ts';
import type { Builds, Ground, Opening, Running, Whereabouts } from './builds.ts';
import type { Journal } from './journal/journal.ts';
import type { Past } from './journal/past.ts';
import { newcomerKey } from './journal/plain.ts';
import { Kinship, type KinshipFact, sameStart } from './kinship.ts';
import type { Leases } from './leases.ts';
import type { Lookups } from './lookups.ts';
import type { Loop } from './loop.ts';
import { type BuildFigures, type ClientFigures, type FromEngine, LEAVING, type SystemOptions } from './messages.ts';
import { OwnPipes } from './own-pipes.ts';
import { clientFigures, type Process, type ProcessFact, processFact, waiterOf, withMakeflags } from './process.ts';
import { Quotas } from './quotas.ts';
import type { Withs } from './withs.ts';

const { EACCES, EIO, EMFILE, ENFILE, ENOENT } = os.constants.errno;

/** Threads that looked the node up and have not opened it yet: so many are remembered. */
const MAX_SEEN = 1024;

/** Descriptors that the daemon keeps open for a process's pipe. */
const PIPE_DESCRIPTORS = { file: 0, pipe: 2, split: 3 } as const;

/** What the next engine has to know of a build of the machine. */
interface SystemFact extends KinshipFact {
  lease: unknown;
}

interface Parts {
  ledger: Ledger;
  touch: Touch;
  journal: Journal;
  pipes: PipeNode;
  file: FileNode;
  leases: Leases;
  lookups: Lookups;
  loop: Loop;
  now: () => number;
  send: (message: FromEngine) => void;
}

export class System implements Ground {
  readonly #parts: Parts;
  readonly #options: SystemOptions;
  readonly #processes = new Map<number, Process>();
  readonly #threads = new Map<number, Thread>();
  /** What a thread that looked the node up is, until it opens it. */
  readonly #seen = new Map<number, Lineage>();
  readonly #members = new Map<Running, Set<Process>>();
  readonly #quotas: Quotas;
  /** They need this, or are made after it: see `complete`. */
  #builds!: Builds;
  #directory!: Directory;
  #pipes!: OwnPipes;
  #withs!: Withs;
  #kinship!: Kinship;
  /** Builds that were opened by what a client has started. */
  readonly #nested = new WeakSet<Running>();
  /** Builds whose root is being looked up. */
  readonly #opening = new Set<number>();
  #nextId = 1;
  #nextProcess = 1;
  #refusing = false;
  /** Whether callers are shown the node. Not while the daemon binds its socket: who waits can keep the directory locked. */
  #shown = false;
  /** Which node which program gets, before the built-in table. */
  #rules: SystemOptions['clients'];

  constructor(parts: Parts, options: SystemOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#rules = options.clients;
    this.#quotas = new Quotas(options.descriptors);
  }

  /** Gives it what could not be made before it. */
  complete(builds: Builds, withs: Withs, directory: Directory): void {
    this.#builds = builds;
    this.#withs = withs;
    this.#directory = directory;
    this.#kinship = new Kinship({ builds, withs, find: (kin) => this.#find(kin) });
    this.#pipes = new OwnPipes(this.#parts, directory, (process) => this.#note(process));
  }

  // Builds.

  /** A `stint run` asks: it is the root of a new build, or part of one. */
  open(id: number, facts: Running['facts'], opening: Opening): void {
    this.#opening.add(id);
    this.#parts.lookups.who({ tid: facts.rootPid, uid: facts.uid }, (lineage, short) => {
      if (!this.#opening.delete(id)) return; // given up meanwhile
      // Another user's has its number by now, or it has become another user's.
      if (lineage?.uid !== facts.uid) {
        this.#parts.send({ type: 'failed', id, message: short ? NONE_LEFT : 'the process is gone' });
        return;
      }
      const outer = this.#kinship.enclosing(lineage);
      if (outer !== undefined) {
        const slots = outer.lease && outer.root?.held;
        this.#parts.send({ type: 'started', id, path: this.#node(), within: outer.id, slots });
        return;
      }
      const nested = this.#kinship.belowClient(lineage);
      if (this.#refusing && !nested) {
        this.#parts.send({ type: 'failed', id, message: LEAVING });
        return;
      }
      this.#builds.open(id, facts, opening);
      const running = this.#builds.byId.get(id);
      if (running === undefined) return;
      if (nested) this.#nested.add(running);
      this.#kinship.setRoot(running, lineage.start);
      this.#builds.note(running);
    });
  }

  /** A build that has not started yet is not wanted any more. */
  cancel(id: number): void {
    if (this.#opening.delete(id)) this.#parts.send({ type: 'failed', id, message: 'it was given up' });
    this.#builds.cancel(id);
  }

  start(running: Running): string {
    if (running.lease !== undefined) this.#parts.leases.start(running);
    return this.#node();
  }

  rootGone(running: Running): boolean {
    this.#kinship.rootGone(running);
    if (running.lease !== undefined) return this.#parts.leases.rootGone(running);
    return (this.#members.get(running)?.size ?? 0) > 0;
  }

  close(running: Running): void {
    this.#kinship.forget(running);
    if (running.lease !== undefined) this.#parts.leases.close(running, this.#directory);
    const left = this.#members.get(running);
    this.#members.delete(running);
    // A lease can be over before those in it that have inherited an open file node: they are looked up anew when they call.
    for (const process of left ?? []) {
      this.#gone(process);
      this.#parts.file.rouse(process.client);
    }
  }

  fact(running: Running): unknown {
    const lease = running.lease && this.#parts.leases.fact(running);
    const fact: SystemFact = { lease, ...this.#kinship.fact(running) };
    return fact;
  }

  restore(running: Running, fact: unknown): void {
    const { lease, ...kinship } = fact as SystemFact;
    if (running.lease !== undefined) {
      if (this.#parts.leases.hung(lease)) this.#quotas.offends(running.facts.uid);
      this.#parts.leases.restore(running, lease);
    }
    this.#kinship.restore(running, kinship);
    if (running.id % 2 === 0) this.#nextId = Math.max(this.#nextId, running.id / 2 + 1);
  }

  /** Takes over the processes that another engine knew, after the builds. Callers are shown the node at once. */
  restoreProcesses(past: Past): void {
    const facts = [...past.facts].filter(([key]) => key.startsWith('process:')) as [string, ProcessFact][];
    this.#restoreOffences(past, facts);
    for (const [key, fact] of facts) this.#restoreProcess(Number(key.slice('process:'.length)), fact, past);
    for (const { owner, held } of this.#parts.journal.plain) if ('lineage' in owner) this.#adopt(owner.lineage, held);
    this.#shown = true;
  }

  /** Goes on with what was restored. Builds of which nothing is left have to be ended: the other engine has not come so far. */
  resume(): void {
    this.#pipes.resume();
    for (const running of this.#builds.byId.values()) {
      const left = running.rootFd !== -1 || running.lease?.pipe !== undefined || this.#membersOf(running).size > 0;
      if (!left) this.#builds.end(running);
    }
  }

  clientAbove(pids: readonly number[]): Running | undefined {
    const clients = pids.map((pid) => this.#processes.get(pid)).filter((process) => process?.opened && process.alive);
    return clients.at(-1)?.running;
  }

  figures(running: Running): Pick<BuildFigures, 'waiting' | 'stranded' | 'surplus' | 'clients'> {
    const clients: ClientFigures[] = [];
    let waiting = running.first === undefined ? 0 : 1;
    let surplus = 0;
    for (const process of this.#members.get(running) ?? []) {
      const figures = clientFigures(process);
      if (process.opened) clients.push(figures);
      waiting += figures.waiting;
      surplus += process.pipe?.pipe?.surplus ?? 0;
    }
    return { waiting, stranded: 0, surplus, clients };
  }

  /** What a process held comes back when it ends: nothing is ever stranded. */
  reclaim(): number {
    return 0;
  }

  find(lineage: Lineage): Whereabouts {
    const chosen = this.#kinship.choose(lineage);
    const found = this.#find(lineage);
    const process = found?.opened ? found : undefined;
    const above = lineage.ancestors.map((kin) => this.#find(kin)).find((one) => one?.opened);
    const kind = lineage.scope === undefined ? 'session' : 'scope';
    return {
      ...('build' in chosen ? { running: chosen.build } : { would: { kind, label: chosen.label } }),
      ...(process && { client: clientFigures(process), waiter: waiterOf(process) }),
      ...(above && { above: { pid: above.pid, program: above.program } }),
    };
  }

  /** From now on callers are shown the node. */
  showNode(): void {
    this.#shown = true;
  }

  setClients(rules: SystemOptions['clients']): void {
    this.#rules = rules;
  }

  /** Whoever is in no build yet is shown no node from now on, and builds that wait are refused; but for those inside of others. */
  refuse(): void {
    this.#refusing = true;
    const waiting = [...this.#builds.byId.values()].filter((one) => !one.started && !this.#nested.has(one));
    for (const running of waiting) this.#builds.refuse(running, LEAVING);
  }

  // What the session asks.

  thread(tid: number): Thread | undefined {
    return this.#threads.get(tid);
  }

  show({ tid, uid, gid }: Parameters<Host['show']>[0], answer: (shown: Shown) => void): void {
    if (!this.#shown) {
      answer({ node: 'none', errno: ENOENT });
      return;
    }
    if (tid === 0) {
      answer({ node: 'none', errno: EACCES }); // it lives outside our pid namespace: nobody would know when it ends
      return;
    }
    this.#parts.lookups.who({ tid, uid }, (lineage, short) => {
      if (lineage === undefined) {
        answer({ node: 'none', errno: this.#unknown(short) });
        return;
      }
      if (!mayOpen({ uid, gid, groups: lineage.groups }, this.#options)) {
        answer({ node: 'none', errno: EACCES });
        return;
      }
      const around = this.#parts.leases.size > 0 ? this.#kinship.around(lineage) : undefined;
      if (around?.lease !== undefined && this.#quotas.banned(lineage.uid)) {
        answer({ node: 'none', errno: EIO });
        return;
      }
      if (around?.lease !== undefined) {
        this.#parts.leases.show(around, answer, { lookups: this.#parts.lookups, directory: this.#directory });
        return;
      }
      const choice = nodeFor(lineage.program, this.#rules);
      if (this.#refusing && this.#kinship.isNew(lineage)) {
        answer({ node: 'none', errno: ENOENT });
      } else if (!this.#afford(lineage, choice)) {
        answer({ node: 'none', errno: EMFILE });
      } else if (choice.node === 'file') {
        this.#remember(tid, lineage);
        answer({ node: 'file' });
      } else {
        const process = this.#processOf(lineage);
        if (typeof process === 'number') answer({ node: 'none', errno: process });
        else if (this.#quotas.banned(process.uid)) answer({ node: 'none', errno: EIO });
        else {
          if (process.descriptors === 1) this.#keep(process, PIPE_DESCRIPTORS[choice.node]);
          this.#pipes.show(process, answer);
        }
      }
    });
  }

  identify({ tid, uid, opens }: Parameters<Host['identify']>[0], answer: (found: Thread | number) => void): void {
    // Who looked and did not open may be gone, and its number another's: only an open comes right after its look.
    const seen = opens ? this.#seen.get(tid) : undefined;
    if (seen !== undefined) this.#seen.delete(tid);
    // Also then the number may be another's: at least no other user is charged.
    if (seen?.uid === uid) {
      answer(this.#threadOf(tid, seen));
    } else if (tid === 0) answer(EACCES);
    else
      this.#parts.lookups.who({ tid, uid }, (lineage, short) => {
        if (lineage === undefined) answer(this.#unknown(short));
        // At the device nobody has looked before, and so nobody was refused.
        else if (opens && this.#refusing && this.#kinship.isNew(lineage)) answer(EACCES);
        else answer(this.#threadOf(tid, lineage));
      });
  }

  /** A process has opened the file node, or the character device. */
  opened(caller: Caller, door: 'file' | 'device'): void {
    const process = caller as Process;
    if (!process.opened) process.byDevice = door === 'device';
    this.#opened(process);
  }

  /** Somebody has opened a pipe for the first time. */
  pipeOpened(pipe: Pipe): void {
    const process = this.#pipes.owner(pipe);
    if (process !== undefined) this.#opened(process);
  }

  // Processes.

  #threadOf(tid: number, lineage: Lineage): Thread | number {
    const process = this.#processOf(lineage);
    if (typeof process === 'number') return process;
    const known = this.#threads.get(tid);
    if (known?.caller === process) return known;
    const thread: Thread = { tid, caller: process, ownerLow: 0, ownerHigh: 0 };
    this.#threads.set(tid, thread);
    process.threads.push(thread);
    return thread;
  }

  #find({ pid, start }: Pick<Kin, 'pid' | 'start'>): Process | undefined {
    const process = this.#processes.get(pid);
    return process?.alive && sameStart(process.start, start) ? process : undefined;
  }

  /** What a call fails with whose caller cannot be looked up: he is gone, or there is no descriptor left to look by. */
  #unknown(short: boolean): number {
    if (short) this.#parts.lookups.scarce();
    return short ? ENFILE : EACCES;
  }

  /** The record of a process that waits for an answer of ours: it cannot end or become another meanwhile. Else what its call fails with. */
  #processOf(lineage: Lineage, kept?: number): Process | number {
    const known = this.#find(lineage);
    if (known !== undefined) {
      const renamed = known.program !== lineage.program;
      known.program = lineage.program;
      known.choice = nodeFor(lineage.program, this.#rules);
      if (renamed) this.#note(known);
      return known;
    }
    const stale = this.#processes.get(lineage.pid);
    if (stale !== undefined) this.#gone(stale);
    if (!this.#afford(lineage, { node: 'file' })) return EMFILE;
    let pidfd: number;
    try {
      pidfd = kept ?? openPidfd(lineage.pid);
    } catch (error) {
      return this.#unknown(isShort(error));
    }
    const { running, topmost } = this.#buildOf(lineage);
    const process: Process = {
      serial: this.#nextProcess++,
      pid: lineage.pid,
      start: lineage.start,
      uid: lineage.uid,
      owner: ownerOf(lineage.uid),
      descriptors: 0,
      running,
      pidfd,
      topmost,
      client: this.#parts.ledger.openClient(running.build, 'exact', lineage.pid),
      alive: true,
      threads: [],
      program: lineage.program,
      choice: withMakeflags(nodeFor(lineage.program, this.#rules), lineage),
      implicit: undefined,
      pipe: undefined,
      opened: false,
      byDevice: false,
    };
    this.#enter(process);
    this.#keep(process, 1);
    this.#parts.journal.keep(`process:${process.serial}`, pidfd);
    this.#note(process);
    return process;
  }

  #enter(process: Process): void {
    this.#membersOf(process.running).add(process);
    if (!process.alive) return;
    this.#processes.set(process.pid, process);
    this.#parts.loop.watch(process.pidfd, EPOLLIN, () => this.#gone(process));
  }

  #restoreOffences({ facts }: Past, processes: [string, ProcessFact][]): void {
    const { journal } = this.#parts;
    for (const [uid, count] of (facts.get('offences') ?? []) as [number, number][]) this.#quotas.offends(uid, count);
    for (const [, { uid, pipe }] of processes)
      if (pipe !== undefined && !pipe.barred && journal.hung.has(pipe.id)) this.#quotas.offends(uid);
    const { offences } = this.#quotas;
    if (offences.length > 0) journal.put('offences', offences);
  }

  /** Takes over a process that has opened the file node while a plain pool served. */
  #adopt(lineage: Lineage, held: number): void {
    const { journal, ledger } = this.#parts;
    const pidfd = journal.claim(newcomerKey(lineage.pid));
    if (pidfd === undefined) return;
    const lost = journal.claim(`process:${this.#nextProcess}`); // of an engine that had come so far, and no further
    if (lost !== undefined) closeSync(lost);
    const process = this.#processOf(lineage, pidfd);
    if (typeof process === 'number') {
      closeSync(pidfd);
      return;
    }
    ledger.restore(process.client, held, 0);
    this.#opened(process, (implicit) => ledger.restore(implicit, 1, 0));
  }

  #restoreProcess(serial: number, fact: ProcessFact, { counters }: Past): void {
    const { ledger, journal } = this.#parts;
    this.#nextProcess = Math.max(this.#nextProcess, serial + 1);
    const running = this.#builds.byId.get(fact.build);
    if (running === undefined) return;
    const { pid, start, uid, topmost, program, choice, opened, byDevice = false } = fact;
    const pidfd = (fact.alive ? journal.claim(`process:${serial}`) : undefined) ?? -1;
    const alive = pidfd !== -1;
    const client = ledger.openClient(running.build, 'exact', pid);
    const told = { serial, pid, start, uid, owner: ownerOf(uid), topmost, program, choice, opened, byDevice };
    const of = { ...told, running, pidfd, alive, client };
    const process: Process = { ...of, descriptors: 0, threads: [], implicit: undefined, pipe: undefined };
    if (alive) this.#keep(process, 1);
    const counted = journal.plain.find(({ owner }) => 'serial' in owner && owner.serial === serial)?.held;
    if (alive) ledger.restore(client, counted ?? counters.value(fact.has) ?? 0, 0);
    else ledger.forget(client);
    if (alive && fact.implicit) {
      process.implicit = ledger.openClient(running.build, 'implicit', pid);
      ledger.restore(process.implicit, 1, 0);
    }
    this.#enter(process);
    if (fact.pipe !== undefined) {
      const barred = fact.pipe.barred || journal.hung.has(fact.pipe.id) || this.#quotas.banned(uid);
      const has = counters.value(fact.pipe.has) ?? 0;
      if (barred) this.#pipes.bar(process, fact.pipe, has);
      else this.#pipes.restore(process, fact.pipe, has);
    }
    if (alive && fact.pipe !== undefined) this.#keep(process, PIPE_DESCRIPTORS[choice.node]);
    const pipe = process.pipe?.pipe;
    this.#note(process);
    if (!alive && pipe !== undefined) this.#pipes.watchEnd(pipe, () => this.#leave(process));
    else if (!alive) this.#leave(process);
  }

  /** Writes down what the next engine has to know of a process. */
  #note(process: Process): void {
    const { counters } = this.#parts.journal;
    const markOf = ({ record }: Client) => counters.markOf(record);
    this.#parts.journal.put(`process:${process.serial}`, processFact(process, markOf));
  }

  #buildOf(lineage: Lineage): { running: Running; topmost: boolean } {
    const chosen = this.#kinship.choose(lineage);
    if ('build' in chosen) return { running: chosen.build, topmost: chosen.topmost };
    const { key, label, topmost } = chosen;
    const { scope, cwd, uid, gid, session, cgroup } = lineage;
    const below = this.#withs.nearest([lineage.pid, ...lineage.ancestors.map(({ pid }) => pid)])?.top;
    const [kind, rootPid] =
      below !== undefined
        ? (['with', below.pid] as const)
        : scope === undefined
          ? (['session', session.pid] as const)
          : (['scope', 0] as const);
    const since = Date.now();
    const facts = { kind, label, cwd, since, rootPid, uid, groups: [gid, ...lineage.groups], cgroup };
    const withs = below === undefined ? [] : this.#withs.below(below);
    const running = this.#builds.add(this.#newId(), facts, { withs, below });
    running.started = true;
    this.#kinship.setKey(key, running);
    this.#builds.note(running);
    this.#parts.send({ type: 'appeared', id: running.id, facts });
    return { running, topmost };
  }

  /** Builds that are opened and builds that appear share one row of numbers; the main thread's are odd. */
  #newId(): number {
    return 2 * this.#nextId++;
  }

  #opened(process: Process, charge = (implicit: Client) => this.#parts.ledger.charge(implicit)): void {
    if (process.opened || !process.alive) return;
    process.opened = true;
    if (!process.topmost || process.choice.implicit !== true || this.#covered(process)) {
      this.#note(process);
      return;
    }
    process.implicit = this.#parts.ledger.openClient(process.running.build, 'implicit', process.pid);
    this.#note(process);
    charge(process.implicit);
  }

  /** Whether the slot of the enclosing `stint run` stands for the job that this process runs without a token: it does for one. */
  #covered(process: Process): boolean {
    const { running } = process;
    if (running.root === undefined) return false;
    for (const other of this.#membersOf(running)) {
      if (
        other !== process &&
        other.opened &&
        other.topmost &&
        other.choice.implicit === true &&
        other.implicit === undefined
      )
        return false;
    }
    return true;
  }

  #gone(process: Process): void {
    if (!process.alive) return;
    const { ledger, loop, file } = this.#parts;
    process.alive = false;
    loop.unwatch(process.pidfd);
    this.#exited(process);
    for (const { tid } of process.threads) {
      if (this.#threads.get(tid)?.caller === process) this.#threads.delete(tid);
      this.#seen.delete(tid);
    }
    file.gone(process.client);
    if (process.implicit !== undefined) ledger.forget(process.implicit);
    if (this.#processes.get(process.pid) === process) this.#processes.delete(process.pid);
    // What has inherited its pipe keeps its account.
    if (this.#pipes.abandon(process, () => this.#leave(process))) this.#note(process);
    else this.#leave(process);
    this.#parts.journal.release(`process:${process.serial}`);
  }

  /** How it ended is told of a build that nobody opened: it has no root whose end could be told. */
  #exited({ pidfd, opened, topmost, running: { id, facts } }: Process): void {
    if (opened && topmost && facts.kind !== 'run') this.#parts.send({ type: 'exited', id, pidfd });
    else closeSync(pidfd);
  }

  /** Nothing of the process is left. */
  #leave(process: Process): void {
    this.#parts.journal.drop(`process:${process.serial}`);
    this.#pipes.close(process);
    this.#keep(process, -process.descriptors);
    const { running } = process;
    const members = this.#members.get(running);
    members?.delete(process);
    if (members?.size === 0 && running.rootFd === -1 && running.started) this.#builds.end(running);
  }

  /** Whether a user may have one more process, or a pipe for one that has none. */
  #afford(lineage: Lineage, { node }: Pick<NodeChoice, 'node'>): boolean {
    const known = this.#find(lineage);
    const kept = known?.descriptors ?? 0;
    const more = kept > 1 ? 0 : 1 - kept + PIPE_DESCRIPTORS[node];
    return this.#quotas.allow(lineage.uid, more);
  }

  #keep(process: Process, descriptors: number): void {
    process.descriptors += descriptors;
    this.#quotas.keep(process.owner, descriptors);
  }

  #membersOf(running: Running): Set<Process> {
    let members = this.#members.get(running);
    if (members === undefined) {
      members = new Set();
      this.#members.set(running, members);
    }
    return members;
  }

  #remember(tid: number, lineage: Lineage): void {
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear(); // whoever opens is then looked up once more
    this.#seen.set(tid, lineage);
  }

  #node(): string {
    return `${this.#options.mount}/${NAMES.node}`;
  }
}
