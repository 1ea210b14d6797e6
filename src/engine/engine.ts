// The engine: one synchronous loop that owns the ledger and the nodes. It blocks in nothing but its wait, and it never
// reads /proc of a client. Each pass: wait → what happened → what the ledger says → deliver.
import os from 'node:os';
import { Ledger, type LedgerOptions, type Scribe } from '../core/ledger.ts';
import { Offers } from '../core/offers.ts';
import { has, type Waiter } from '../core/types.ts';
import { EPOLLIN } from '../kernel/epoll.ts';
import { clearEventfd } from '../kernel/eventfd.ts';
import { reader } from '../kernel/io.ts';
import { FileNode, RESERVED_AGAIN, ReadWaiter } from '../nodes/file.ts';
import { askAgain } from '../nodes/fuse/again.ts';
import { type Channel, deviceChannel } from '../nodes/fuse/channel.ts';
import { deviceReader } from '../nodes/fuse/device.ts';
import { Directory } from '../nodes/fuse/directory.ts';
import { type Agreed, Session } from '../nodes/fuse/session.ts';
import { Request } from '../nodes/fuse/wire.ts';
import { type Pipe, PipeNode } from '../nodes/pipe.ts';
import { Tray } from '../nodes/tray.ts';
import { TapeWriter } from '../observe/tape.ts';
import { ownerOf } from '../process/owners.ts';
import { Builds, type Running } from './builds.ts';
import { Fifos } from './fifos.ts';
import { Journal } from './journal/journal.ts';
import { MARK } from './journal/layout.ts';
import { type Past, uniqueOf } from './journal/past.ts';
import { NO_STORE, type Store } from './journal/store.ts';
import { Leases } from './leases.ts';
import { Lookups } from './lookups.ts';
import { Loop } from './loop.ts';
import type { EngineOptions, FromEngine, SystemOptions, ToEngine } from './messages.ts';
import type { Shift } from './relief.ts';
import { System } from './system.ts';
import { whereabouts } from './whereabouts.ts';
import { Withs } from './withs.ts';

const { EAGAIN, EINTR, ENODEV, ECONNABORTED } = os.constants.errno;

/** Turns of a pass before the engine looks for messages again, however busy the pipes are. */
const MAX_TURNS = 4;
/** Requests that are answered before anything else is looked at. */
const MAX_REQUESTS = 256;

/** The thread's ends of the lines to the main thread. */
export interface Lines {
  /** Becomes readable when the main thread has sent something. */
  wakeFd: number;
  /** Who reads requests now, this thread or the main one. */
  shift: Shift;
  /** The next message of the main thread, or undefined. */
  receive(): ToEngine | undefined;
  send(message: FromEngine): void;
}

/** What the next engine has to know of the mount: under `machine`. */
interface MachineFact extends Partial<Agreed> {
  /** The daemon's socket is there. */
  socket?: boolean;
}

/** What only system mode has. */
interface Machine {
  readonly channel: Channel;
  readonly system: System;
  readonly session: Session;
  readonly directory: Directory;
  readonly file: FileNode;
  readonly lookups: Lookups;
  /** Answers a request that somebody else has received. */
  readonly left: (bytes: Uint8Array) => void;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #lines: Lines;
  readonly #tape: TapeWriter | undefined;
  readonly #journal: Journal;
  readonly #ledger: Ledger;
  readonly #pipes: PipeNode;
  readonly #builds: Builds;
  readonly #withs: Withs;
  readonly #leases: Leases;
  readonly #loop = new Loop();
  readonly #machine: Machine | undefined;
  readonly #ground: System | Fifos;
  #machineFact: MachineFact = {};
  /** Whether the main thread watches what is not a request. */
  #watched = false;
  /** When the main thread is to wake us because of the time, or Infinity. */
  #alarmAt = Number.POSITIVE_INFINITY;
  #now = performance.now();
  #stopped = false;
  #yields = false;

  /** `store`: who keeps what must outlive this engine; `kept`: what was kept of the one before it. */
  constructor(
    options: EngineOptions,
    lines: Lines,
    { store = NO_STORE, kept = new Map() }: { store?: Store; kept?: ReadonlyMap<string, number> } = {},
  ) {
    this.#options = options;
    this.#lines = lines;
    const { timeOrigin } = performance;
    const clock = () => performance.now();
    const tape = options.tape && new TapeWriter(options.tape, () => lines.send({ type: 'taped' }));
    // At the moment up to which the account has counted: so what is on the tape adds up to the same.
    const booked: LedgerOptions['booked'] =
      tape &&
      (({ build, tag }, held, offered) => tape.booked(timeOrigin + build.account.at, build.tag, tag, held, offered));
    this.#tape = tape;
    this.#journal = new Journal(store, kept);
    const touch = lines.shift.touch.bind(lines.shift);
    const granted = (waiter: Waiter, count: number) => this.#granted(waiter, count);
    this.#ledger = new Ledger(options.capacity, granted, { ...options, clock, booked, scribe: this.#scribe() });
    const tray = new Tray(this.#journal.counters);
    const opened = (pipe: Pipe) => this.#machine?.system.pipeOpened(pipe);
    this.#pipes = new PipeNode(this.#ledger, new Offers(this.#ledger), { opened, tray, touch });
    const common = { ledger: this.#ledger, loop: this.#loop, journal: this.#journal, send: lines.send };
    const over = (running: Running) => this.#builds.end(running);
    this.#leases = new Leases({ ...common, touch, over, note: (running) => this.#builds.note(running) });
    this.#machine = options.system === undefined ? undefined : this.#openMachine(options.system);
    this.#ground =
      this.#machine?.system ??
      new Fifos(
        { ...common, pipes: this.#pipes, leases: this.#leases, now: () => this.#now, over },
        options.fifoPrefix,
      );
    this.#builds = new Builds({ ...common, ground: this.#ground, rules: options.rules });
    this.#withs = new Withs({ ...common, builds: this.#builds });
    this.#builds.complete(this.#withs);
    this.#machine?.system.complete(this.#builds, this.#withs, this.#machine.directory);
    this.#loop.watch(lines.wakeFd, EPOLLIN, () => this.#obey());
    this.#loop.watch(this.#pipes.fd, EPOLLIN, () => this.#pipes.ready(this.#clock()));
    const { past } = this.#journal;
    if (past === undefined) this.#journal.commit(tray.readEnd);
    else this.#restore(past, tray);
  }

  /** Runs until it is told to stop, or to make room: true then, and everything is as another engine would find it. */
  run(): boolean {
    while (!this.#stopped) {
      // What the main thread opens in the mount meanwhile would never be answered.
      if (this.#yields && (this.#machine?.lookups.pending ?? 0) === 0) {
        this.#builds.courses.keepNow(this.#builds.byId.values());
        return true;
      }
      if (this.#loop.blocking) this.#loop.wait(-1);
      else this.#pass();
    }
    this.#builds.close();
    this.#pipes.close();
    this.#journal.close();
    this.#loop.close();
    return false;
  }

  #pass(): void {
    // Wait, and what happened.
    const pause = this.#nextLook() - this.#clock();
    this.#loop.wait(pause === Number.POSITIVE_INFINITY ? -1 : Math.max(0, pause));

    // What time asks for, and the builds that may start, until nothing moves any more. What we do ourselves rings too: it is
    // heard here, instead of in a pass of its own, together with what clients did meanwhile.
    for (let again = MAX_TURNS; again > 0; again--) {
      this.#clock();
      this.#builds.dropIdleRoots();
      this.#ledger.settle(this.#now);
      this.#machine?.file.settle();
      if (this.#pipes.size > 0) this.#pipes.settle(this.#now);
      this.#leases.settle(this.#now);
      this.#builds.timeouts.settle(this.#now);
      const started = this.#builds.startGranted();
      const heard = this.#pipes.size > 0 && this.#pipes.ready(this.#now);
      if (!heard && !started) break;
    }
  }

  #nextLook(): number {
    if (this.#builds.pending) return 0;
    const pipes = this.#pipes.size > 0 ? this.#pipes.nextLook(this.#now) : Number.POSITIVE_INFINITY;
    const file = this.#machine?.file.nextLook() ?? Number.POSITIVE_INFINITY;
    const { timeouts } = this.#builds;
    return Math.min(pipes, file, this.#ledger.nextLook(), this.#leases.nextLook(), timeouts.nextLook());
  }

  #clock(): number {
    this.#now = performance.now();
    return this.#now;
  }

  /** A first slot starts its build, but not before the ledger has done; any other is delivered at once. */
  #granted(waiter: Waiter, count: number): void {
    this.#tape?.waited(performance.now() - waiter.since);
    if (this.#machine?.file.grant(waiter) || this.#builds.granted(waiter)) return;
    if (this.#leases.granted(waiter, count)) return;
    this.#pipes.grant(waiter, this.#now);
  }

  #obey(): void {
    clearEventfd(this.#lines.wakeFd);
    for (let message = this.#lines.receive(); message !== undefined; message = this.#lines.receive()) this.#do(message);
  }

  #do(message: ToEngine): void {
    switch (message.type) {
      case 'open':
        (this.#machine?.system ?? this.#builds).open(message.id, message.facts, { ...message, now: this.#clock() });
        break;
      case 'cancel':
        (this.#machine?.system ?? this.#builds).cancel(message.id);
        break;
      case 'end':
        (this.#machine?.system ?? this.#builds).cancel(message.id);
        this.#builds.endById(message.id);
        break;
      case 'resize':
        this.#leases.resize(this.#builds.byId.get(message.id), message.slots, { ...message, now: this.#clock() });
        break;
      case 'capacity':
        this.#ledger.setCapacity(message.capacity);
        break;
      case 'limit':
        this.#ledger.setLimit(message.limit);
        break;
      case 'policy':
        this.#ledger.setPolicy(message.policy);
        break;
      case 'rules':
        this.#builds.setRules(message);
        break;
      case 'with':
        this.#withs.open(message);
        break;
      case 'bounds':
        this.#builds.bound(message.id, message.caps);
        break;
      case 'cap':
        this.#builds.setCap(message.name, message.limit);
        break;
      case 'say':
        this.#builds.say(message.id, message.said);
        break;
      case 'reclaim':
        this.#clock();
        this.#lines.send({ ...message, type: 'reclaimed', slots: this.#builds.reclaim(message.id) });
        break;
      case 'find':
        this.#find(message);
        break;
      case 'snapshot':
        this.#snapshot(message.request);
        break;
      case 'answer':
        this.#machine?.lookups.answered(message.request, message.answer);
        break;
      case 'clients':
        this.#machine?.system.setClients(message.clients);
        break;
      case 'request':
        this.#lines.shift.takeUp();
        this.#machine?.left(message.bytes);
        break;
      case 'show':
        this.#machine?.system.showNode();
        break;
      case 'refuse':
        this.#machine?.system.refuse();
        this.#withs.refuse();
        break;
      case 'yield':
        this.#yields = true;
        break;
      case 'stop':
        this.#stopped = true;
        break;
    }
  }

  #find({ request, lineage }: Extract<ToEngine, { type: 'find' }>): void {
    this.#pipes.recount(this.#clock());
    const parts = { builds: this.#builds, ground: this.#ground, ledger: this.#ledger, now: this.#now };
    this.#lines.send({ type: 'found', request, found: whereabouts(lineage, parts) });
  }

  #snapshot(request: number): void {
    this.#pipes.recount(this.#clock());
    this.#builds.startGranted(); // nobody who has its slots waits
    const snapshot = {
      capacity: this.#ledger.capacity,
      limit: this.#ledger.limit,
      surplus: this.#machine?.file.surplus ?? 0,
      builds: this.#builds.figures(),
    };
    this.#builds.courses.keep(this.#builds.byId.values(), this.#now);
    this.#lines.send({ type: 'snapshot', request, snapshot });
  }

  // What outlives the engine.

  /**
   * Writes down what each client has, before anybody is told; what is put into pipes, the tray. What is set aside for a poller is not
   * his before he comes for it.
   */
  #scribe(): Scribe {
    const { counters } = this.#journal;
    return {
      opened: (client) => {
        client.record = counters.open();
      },
      booked: (client, waiter) => {
        const { record } = client;
        if (record === -1) return;
        if (client.kind === 'offers') counters.lower(record, has(client));
        else if (client.kind === 'implicit') counters.setNow(record, client.held);
        else if (waiter instanceof ReadWaiter)
          counters.setFor(waiter.uniqueLow, waiter.uniqueHigh, record, client.held);
        else counters.set(record, client.held);
      },
      forgotten: (client) => {
        if (client.record !== -1) counters.close(client.record);
        client.record = -1;
      },
    };
  }

  #noteMachine(more: MachineFact): void {
    this.#machineFact = { ...this.#machineFact, ...more };
    this.#journal.put('machine', this.#machineFact);
  }

  /**
   * Goes on where another engine has stopped. Nothing that anybody could see is done before the journal says that it is ours;
   * what the other one did not answer is answered then.
   */
  #restore(past: Past, tray: Tray): void {
    const { shift } = this.#lines;
    const { again, unanswered } = this.#unanswered(past);
    shift.yield(); // only now: another reader would keep from us what was asked again
    past.counters.settle((unique) => unanswered.has(unique), this.#journal.trayBefore);
    this.#withs.restore(past);
    this.#builds.restoreAll(past);
    this.#machine?.system.restoreProcesses(past);
    this.#machine?.file.resume(past.counters.files());
    if (this.#machine !== undefined) this.#restoreMachine(this.#machine, past);
    const answered = this.#machine === undefined ? [] : this.#journal.answered();
    this.#journal.commit(tray.readEnd, shift.touch.bind(shift));
    this.#ledger.resume();
    for (const request of again) this.#machine?.session.handle(request);
    for (const request of answered) this.#machine?.left(request);
    this.#ground.resume();
    this.#machine?.file.rouse();
  }

  #restoreMachine({ session, directory }: Machine, past: Past): void {
    const { minor, resend = false, socket = false } = (past.facts.get('machine') ?? {}) as MachineFact;
    directory.resume({ nextPipe: past.counters.mark(MARK.pipe), socket });
    if (socket) this.#noteMachine({ socket });
    if (minor !== undefined) session.resume({ minor, resend });
  }

  /** What the engine before us has not answered: to be answered now, or by the numbers of what was interrupted instead. */
  #unanswered(past: Past): { again: Request[]; unanswered: Set<number> } {
    const unanswered = new Set<number>();
    if (this.#machine === undefined) return { again: [], unanswered };
    const { resend = true } = (past.facts.get('machine') ?? {}) as MachineFact;
    const again = resend ? askAgain(this.#machine.channel, this.#options.system as SystemOptions) : [];
    for (const { unique } of again) unanswered.add(unique);
    if (!resend) {
      // The kernel knows who waits: nobody hears an answer that comes a second time. Whoever is interrupted asks again.
      const { channel, session } = this.#machine;
      for (const [low, high] of past.counters.unanswered())
        if (channel.error(low, high, EINTR)) unanswered.add(uniqueOf(low, high));
      session.expectOrphans();
    }
    return { again, unanswered };
  }

  // System mode.

  #openMachine(options: SystemOptions): Machine {
    const { device, cuse } = options;
    const { send } = this.#lines;
    const channel = deviceChannel(device, cuse);
    const now = () => this.#clock();
    const { counters } = this.#journal;
    const file = new FileNode(this.#ledger, channel, { recall: () => this.#recall(), now }, counters);
    const directory = new Directory(options, (next) => counters.setMark(MARK.pipe, next));
    const lookups = new Lookups(send);
    const parts = {
      ledger: this.#ledger,
      loop: this.#loop,
      journal: this.#journal,
      pipes: this.#pipes,
      leases: this.#leases,
      touch: this.#lines.shift.touch.bind(this.#lines.shift),
      file,
      lookups,
      now,
      send,
    };
    const system = new System(parts, options);
    const host = {
      show: system.show.bind(system),
      thread: system.thread.bind(system),
      identify: system.identify.bind(system),
      opened: system.opened.bind(system),
      owe: this.#lines.shift.owe.bind(this.#lines.shift),
      owner: ownerOf,
      own: (tid: number) => tid === process.pid, // the main thread's
      status: lookups.status.bind(lookups),
      ready: ({ minor, ...offered }: Agreed) => {
        const agreed = { minor, resend: offered.resend && options.resend !== false };
        if (!agreed.resend) counters.noteWaits();
        this.#noteMachine({ ...agreed });
        send({ type: 'ready' });
      },
      bound: () => this.#noteMachine({ socket: true }),
      tooOld: (minor: number) => send({ type: 'too old', minor }),
    };
    const session = new Session({ channel, file, host, directory, notes: counters });
    this.#attach(device, { session, file, lookups });
    if (cuse !== undefined) this.#attachDevice(cuse, session);
    const request = new Request();
    const left = (bytes: Uint8Array) => {
      request.bytes.set(bytes);
      if (request.received(bytes.length)) session.handle(request);
    };
    return { channel, system, session, directory, file, lookups, left };
  }

  #attach(device: number, { session, file, lookups }: Pick<Machine, 'session' | 'file' | 'lookups'>): void {
    const request = new Request();
    const receive = reader(device, request.bytes);
    const { shift } = this.#lines;
    this.#loop.attach({
      fd: device,
      requests: (waits) => {
        for (let i = 0; i < MAX_REQUESTS; i++) {
          const length = shift.read(receive, waits);
          if (length === undefined) this.#obey();
          else if (length > 0 && request.received(length)) session.handle(request);
          else if (length === -EAGAIN) return;
          else if (length === -ENODEV || length === -ECONNABORTED) {
            this.#stopped = true;
            this.#lines.send({ type: 'unmounted' });
            return;
          }
          if (waits) {
            this.#watchTime(file);
            return;
          }
        }
      },
      rest: () => shift.rest(this.#pipes.size > 0 || this.#leases.size > 0 || lookups.pending > 0),
      rise: () => shift.rise(),
      busy: () => {
        if (session.woken) {
          session.woken = false;
          this.#watched = false;
          return true;
        }
        if (session.alarmed) {
          session.alarmed = false;
          this.#alarmAt = Number.POSITIVE_INFINITY;
        }
        const timed = this.#leases.size > 0 || this.#builds.timeouts.size > 0;
        return timed || this.#pipes.size > 0 || lookups.pending > 0 || this.#builds.pending;
      },
      onQuiet: (others) => {
        if (!this.#watched) this.#lines.send({ type: 'quiet', others });
        this.#watched = true;
      },
    });
  }

  /** To the loop the character device is one of the others: it is never waited for alone. */
  #attachDevice(fd: number, session: Session): void {
    const read = deviceReader(fd, (request) => session.handle(request));
    this.#loop.watch(fd, EPOLLIN, () => {
      if (read()) return;
      this.#loop.unwatch(fd);
      this.#lines.send({ type: 'device gone' });
    });
  }

  /** Where the wait has no time-out of its own, somebody else has to see to it. */
  #watchTime(file: FileNode): void {
    file.settle();
    let next = Math.min(file.nextLook(), this.#ledger.nextLook());
    if (next === Number.POSITIVE_INFINITY) return;
    const now = this.#clock();
    if (next <= now) this.#ledger.settle(now);
    next = Math.max(next, now + RESERVED_AGAIN); // not for each request anew
    if (next >= this.#alarmAt) return;
    this.#alarmAt = next;
    this.#lines.send({ type: 'alarm', after: next - now });
  }

  #recall(): void {
    if (this.#pipes.size > 0) this.#pipes.recall(this.#clock());
  }
}
