// The main thread's handle of the engine: starts its thread, wakes it, turns its messages into calls, and does for it what
// its thread must not wait for.
import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import type { Policy } from '../core/policy.ts';
import { StintError } from '../errors.ts';
import { KeeperStore } from '../keeper/store.ts';
import { pollInBackground } from '../kernel/epoll.ts';
import { closeEventfd, openEventfd, signalEventfd } from '../kernel/eventfd.ts';
import { openMemory } from '../kernel/memory.ts';
import { ALARM, WAKE } from '../nodes/fuse/directory.ts';
import { OwnFolder } from '../nodes/fuse/own-ends.ts';
import { type Lineage, lineageOf } from '../process/lineage.ts';
import { ownerOf } from '../process/owners.ts';
import { shortages } from '../process/proc.ts';
import { type Exit, exitOf } from './exit.ts';
import { ANSWERED, HUNG } from './journal/journal.ts';
import { letGo } from './let-go.ts';
import { SHORT } from './lookups.ts';
import type {
  BuildAccount,
  BuildFacts,
  BuildTerms,
  EngineOptions,
  FromEngine,
  ProcessFigures,
  Snapshot,
  SystemOptions,
  ToEngine,
} from './messages.ts';
import { newShift, Relief } from './relief.ts';
import type { Lender, Rules, Said } from './standings.ts';
import { beginThread } from './thread.ts';
import { Turns } from './turns.ts';

/** The key under which the daemon's way into its own mount is kept. */
const OWN = 'own';

/** What the engine tells of its builds. */
export interface EngineEvents {
  /** The build has its first slot; `within`: it is part of that build; `slots`: those of the lease that it is, or is in. */
  started(id: number, path: string, more: Pick<Started, 'within' | 'slots'>): void;
  /** `never`: what it asked for can never be granted. */
  failed(id: number, message: string, never: boolean): void;
  /** A `stint with` counts now; `inside`: it speaks of that build. */
  holds(id: number, inside: number | undefined): void;
  /** It does no longer, or never did: its process is gone, or `failure` says why. */
  over(id: number, failure?: string): void;
  /** A lease should have so many slots. */
  wish(id: number, slots: number): void;
  /** The time of a build is over. */
  expired(id: number): void;
  /** A build that nobody has opened is there, or one that an engine before this one has started: `path` is what its clients open. */
  appeared(id: number, facts: BuildFacts, path: string | undefined): void;
  /** A `stint with` of an engine before this one counts still; `inside`: it speaks of that build; `status`: what `lend` was given. */
  lent(id: number, inside: number | undefined, status: unknown): void;
  /** All that was left by an engine before this one was told. Numbers of builds up to `last` were given. */
  restored(last: number): void;
  /** So many entries of what the engine before this one has written down could not be read. */
  damaged(entries: number): void;
  /** How the root of a build has ended, or of one without a root the last client that stood below no other; undefined: it is not known. */
  exited(id: number, exit: Exit | undefined): void;
  /** A client was refused, as this process may not open anything more. */
  scarce(): void;
  ended(id: number, account: BuildAccount): void;
  /** There is something on the tape. */
  taped(): void;
  /** Somebody reads `status` in the mounted directory: what is the text? */
  status(): Promise<string>;
  /** The engine's thread ended by an error: nothing is accounted for any more. */
  died(error: Error): void;
  /** The character device was taken away. */
  deviceGone(): void;
  /** The engine's thread hangs: it waits for a pipe that a client keeps locked. Without a keeper nothing else can be done. */
  hangs(): void;
}

type Started = Extract<FromEngine, { type: 'started' }>;
/** What the engine says when it was asked. */
type Answer = Extract<FromEngine, { type: 'snapshot' | 'resized' | 'reclaimed' | 'found' }>;

export class EngineHandle {
  readonly #events: EngineEvents;
  readonly #wakeFd = openEventfd();
  readonly #worker: Worker;
  readonly #mount: string | undefined;
  readonly #store: KeeperStore | undefined;
  /** That of the daemon before us. */
  readonly #keptFolder: number | undefined;
  /** The daemon's way into its own mount, once that answers. */
  #own: OwnFolder | undefined;
  readonly #turns = new Turns();
  /** Reads requests while the engine is held up. */
  readonly #relief: Relief | undefined;
  /** What the engine was asked, by number: whom to tell its answer. */
  readonly #asked = new Map<number, (answer: Answer) => void>();
  /** The figures that were asked for last, and those that whoever asks now is told. */
  #counting: Promise<unknown> = Promise.resolve();
  #next: Promise<Snapshot> | undefined;
  readonly #ready = Promise.withResolvers<void>();
  #requests = 0;
  /** Its thread has ended: nobody hears us, and the number of the eventfd can be somebody else's. */
  #ended = false;

  constructor(options: EngineOptions, events: EngineEvents) {
    this.#events = events;
    this.#mount = options.system?.mount;
    this.#store = options.keeper && new KeeperStore(options.keeper.socket);
    this.#keptFolder = options.keeper?.kept.get(OWN);
    const memory = newShift();
    if (options.system !== undefined)
      this.#relief = new Relief(memory, options.system.device, {
        leave: (bytes) => this.#send({ type: 'request', bytes }),
        hangs: (pipe) => void this.#giveUp(pipe),
      });
    if (options.keeper?.kept.has('facts')) this.#relief?.watch(); // there may be pipes
    this.#worker = beginThread({ options, wakeFd: this.#wakeFd, memory });
    if (options.system === undefined && !options.keeper?.kept.has('facts')) this.#ready.resolve();
    this.#ready.promise.catch(() => {}); // whoever waits for it hears of it
    this.#worker.on('message', (message: FromEngine) => this.#heard(message));
    this.#worker.on('error', (error: Error) => {
      this.#ready.reject(error);
      events.died(error);
    });
  }

  /** Resolves when the mount answers, and what another engine has left is taken over. @throws Error when the kernel is too old */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** A build begins: `started` or `failed` follows, and `ended` when the build is over. */
  open(id: number, facts: BuildFacts, terms: BuildTerms): void {
    this.#send({ type: 'open', id, facts, ...terms });
  }

  /** A build that waits for its first slot is not wanted any more. */
  cancel(id: number): void {
    this.#send({ type: 'cancel', id });
  }

  /** A build is over, whatever its root does. */
  end(id: number): void {
    this.#send({ type: 'end', id });
  }

  /** Changes how many slots a lease has as far as that can be done at once; the number that it then has, 0: there is no such lease. */
  async resize(id: number, slots: number): Promise<number> {
    const answer = await this.#ask<'resized'>((request) => ({ type: 'resize', request, id, slots }));
    return answer.slots;
  }

  /** Changes the pool's size, 1 to MAX_CAPACITY slots. */
  setCapacity(capacity: number): void {
    this.#send({ type: 'capacity', capacity });
  }

  /** Says how many slots the machine can bear now, from 0; Infinity: any number. */
  setLimit(limit: number): void {
    this.#send({ type: 'limit', limit });
  }

  setPolicy(policy: Policy): void {
    this.#send({ type: 'policy', policy });
  }

  /** Changes what is said of builds, also of those that are there. */
  setRules(rules: Rules): void {
    this.#send({ type: 'rules', ...rules });
  }

  /** Lends what `terms` says as long as the first of `pids` lives: `holds` follows, and `over`. `pids`, `status`: see the message. */
  lend(id: number, { pids, ...lender }: Lender & { pids: readonly number[]; status: unknown }): void {
    this.#send({ type: 'with', id, pids, ...lender });
  }

  /** Changes the bounds of a build beside those of rules. */
  setBounds(id: number, caps: readonly string[]): void {
    this.#send({ type: 'bounds', id, caps });
  }

  /** Says something of one build alone, as long as it lasts. */
  say(id: number, said: Said): void {
    this.#send({ type: 'say', id, said });
  }

  /** Takes back what nobody can have any more of a build; how many slots that was. */
  async reclaim(id: number): Promise<number> {
    const answer = await this.#ask<'reclaimed'>((request) => ({ type: 'reclaim', request, id }));
    return answer.slots;
  }

  /** Where a process stands. */
  async find(lineage: Lineage): Promise<ProcessFigures> {
    const answer = await this.#ask<'found'>((request) => ({ type: 'find', request, lineage }));
    return answer.found;
  }

  /** Changes how many slots the builds under a cap may have together, from 0. */
  setCap(name: string, limit: number): void {
    this.#send({ type: 'cap', name, limit });
  }

  /** Changes which node which program gets, for those that open it from now on. */
  setClients(clients: SystemOptions['clients']): void {
    this.#send({ type: 'clients', clients });
  }

  /** From now on callers are shown the node. Resolves when that is so. */
  async show(): Promise<void> {
    this.#send({ type: 'show' });
    await this.snapshot(); // it hears messages in order
  }

  /** From now on nobody is taken but for what runs inside of builds that are there. */
  refuse(): void {
    this.#send({ type: 'refuse' });
  }

  /**
   * The figures of a moment from now on, freshly counted. However many ask while some are under way, they are told the same: the engine's
   * thread has other things to do than to count.
   */
  snapshot(): Promise<Snapshot> {
    this.#next ??= this.#counting.then(() => {
      this.#next = undefined;
      const counted = this.#ask<'snapshot'>((request) => ({ type: 'snapshot', request })).then(
        ({ snapshot }) => snapshot,
      );
      this.#counting = counted;
      return counted;
    });
    return this.#next;
  }

  /** Ends this process as soon as another engine can go on. */
  yield(): void {
    this.#send({ type: 'yield' });
  }

  /** Ends the engine's thread; FIFOs that are in use stay. */
  async stop(): Promise<void> {
    const gone = once(this.#worker, 'exit');
    this.#send({ type: 'stop' });
    await gone;
    this.#ended = true;
    this.#own?.close();
    closeEventfd(this.#wakeFd);
  }

  /** Sends a question, which is given its number. */
  #ask<T extends Answer['type']>(question: (request: number) => ToEngine): Promise<Extract<Answer, { type: T }>> {
    const request = this.#requests++;
    return new Promise((resolve) => {
      this.#asked.set(request, (answer) => resolve(answer as Extract<Answer, { type: T }>));
      this.#send(question(request));
    });
  }

  #send(message: ToEngine): void {
    if (this.#ended) return;
    this.#worker.postMessage(message);
    signalEventfd(this.#wakeFd);
  }

  #enter(mount: string): void {
    try {
      this.#own = new OwnFolder(mount, this.#keptFolder);
      this.#store?.keep(OWN, this.#own.fd);
      this.#ready.resolve();
    } catch (error) {
      this.#ready.reject(error);
    }
  }

  /** The engine hangs at a pipe: another process is to go on without that. */
  async #giveUp(pipe: number): Promise<void> {
    if (this.#store === undefined) {
      this.#events.hangs();
      return;
    }
    this.#store.keep(`${HUNG}${pipe}`, this.#wakeFd);
    await letGo(this.#mount as string, pipe);
    const answered = openMemory('stint-answered', 0);
    for (const bytes of (this.#relief as Relief).giveUp()) writeSync(answered, bytes);
    this.#store.keep(ANSWERED, answered);
    this.#store.hangs('a client keeps its pipe locked');
  }

  #answer(request: number, found: Promise<unknown>): void {
    void found.catch(() => undefined).then((answer) => this.#send({ type: 'answer', request, answer }));
  }

  #heard(message: FromEngine): void {
    switch (message.type) {
      case 'started':
        this.#events.started(message.id, message.path, message);
        break;
      case 'failed':
        this.#events.failed(message.id, message.message, message.never ?? false);
        break;
      case 'holds':
        this.#events.holds(message.id, message.inside);
        break;
      case 'over':
        this.#events.over(message.id, message.failure);
        break;
      case 'wish':
        this.#events.wish(message.id, message.slots);
        break;
      case 'expired':
        this.#events.expired(message.id);
        break;
      case 'appeared':
        this.#events.appeared(message.id, message.facts, message.path);
        break;
      case 'lent':
        this.#events.lent(message.id, message.inside, message.status);
        break;
      case 'restored':
        this.#relief?.watch(); // there may be pipes
        this.#events.restored(message.last);
        if (message.damaged > 0) this.#events.damaged(message.damaged);
        if (this.#mount === undefined) this.#ready.resolve();
        break;
      case 'exited':
        this.#events.exited(message.id, exitOf(message.pidfd));
        closeSync(message.pidfd);
        break;
      case 'ended':
        this.#events.ended(message.id, message.account);
        break;
      case 'resized':
      case 'reclaimed':
      case 'found':
      case 'snapshot':
        this.#asked.get(message.request)?.(message);
        this.#asked.delete(message.request);
        break;
      case 'status':
        this.#answer(message.request, this.#events.status());
        break;
      case 'who':
        this.#answer(
          message.request,
          this.#turns.take(ownerOf(message.uid), () => whoIs(message.tid)),
        );
        break;
      case 'pipe':
        this.#relief?.watch();
        this.#send({ type: 'answer', request: message.request, answer: this.#own?.openEnds(message) });
        break;
      case 'quiet':
        pollInBackground(message.others, () => this.#own?.rouse(WAKE));
        break;
      case 'alarm':
        setTimeout(() => this.#own?.rouse(ALARM), message.after);
        break;
      case 'ready':
        this.#enter(this.#mount as string);
        break;
      case 'too old':
        this.#ready.reject(new Error(`the kernel's FUSE protocol is 7.${message.minor}, older than 7.31`));
        break;
      case 'scarce':
        this.#events.scarce();
        break;
      case 'taped':
        this.#events.taped();
        break;
      case 'device gone':
        this.#store?.drop('cuse');
        this.#events.deviceGone();
        break;
      case 'unmounted':
        this.#events.died(new StintError(`the mount at ${this.#mount} was taken away`));
        break;
    }
  }
}

async function whoIs(tid: number): Promise<Lineage | typeof SHORT | undefined> {
  const before = shortages();
  const found = await lineageOf(tid);
  return found ?? (shortages() > before ? SHORT : undefined);
}
