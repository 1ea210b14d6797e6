// What can happen on the simulated machine besides the engine: moves of its processes and of whoever calls the API.
import { type Client, type OpenFile, PROGRAMS, type Thread } from './client.ts';
import type { Crowd } from './crowd.ts';
import type { Machine } from './machine.ts';
import type { MainThread } from './main-thread.ts';

type Act =
  | 'begin'
  | 'open'
  | 'read'
  | 'try'
  | 'poll'
  | 'return'
  | 'close'
  | 'signal'
  | 'kill'
  | 'forsake'
  | 'burst'
  | 'run'
  | 'main'
  | 'check'
  | 'build'
  | 'lease'
  | 'resize'
  | 'cancel'
  | 'end'
  | 'rude'
  | 'capacity'
  | 'limit'
  | 'late'
  | 'with'
  | 'say'
  | 'policy'
  | 'rules'
  | 'bounds'
  | 'cap'
  | 'crash'
  | 'yield';

/** How often each is to be drawn. */
export const ACTS: Readonly<Record<Act, number>> = {
  begin: 6,
  open: 12,
  read: 14,
  try: 6,
  poll: 8,
  return: 14,
  close: 2,
  signal: 5,
  kill: 5,
  forsake: 1,
  burst: 1,
  run: 6,
  main: 6,
  check: 4,
  build: 3,
  lease: 2,
  resize: 2,
  cancel: 1,
  end: 1,
  rude: 1,
  capacity: 1,
  limit: 1,
  late: 1,
  with: 2,
  say: 1,
  policy: 1,
  rules: 1,
  bounds: 1,
  cap: 1,
  crash: 3,
  yield: 1,
};

/** Those that need no engine process. */
const OF_CLIENTS: ReadonlySet<Act> = new Set([
  'begin',
  'open',
  'read',
  'try',
  'poll',
  'return',
  'close',
  'signal',
  'kill',
  'forsake',
  'run',
]);

export const needsEngine = ({ act }: Move): boolean => !OF_CLIENTS.has(act);

export interface Move {
  /** System calls of the engine since the last move. */
  gap: number;
  /** Milliseconds since then; above 0 it comes when the engine waits. */
  after: number;
  /** It comes before what others would do by themselves. */
  early: boolean;
  act: Act;
  /** Which process, thread, file … among those there are. */
  who: number;
  n: number;
}

const MOST_CLIENTS = 10;

const classOf = (n: number) => (['normal', 'background', 'interactive'] as const)[n % 3] ?? 'normal';

export class Moves {
  readonly #machine: Machine;
  readonly #crowd: Crowd;
  readonly #main: MainThread;
  /** Whether there is one node for all, or a FIFO for each build. */
  readonly #system: boolean;
  /** The figures are to be compared as soon as nothing else is to be done. */
  checks = false;
  /** Somebody returned what he had never taken: then nobody knows any more who has what. */
  rude = false;

  constructor({ machine, crowd, main }: { machine: Machine; crowd: Crowd; main: MainThread }, system: boolean) {
    this.#machine = machine;
    this.#crowd = crowd;
    this.#main = main;
    this.#system = system;
  }

  make({ act, who, n }: Move): void {
    const crowd = this.#crowd;
    const main = this.#main;
    const { living } = crowd;
    const client = living[who % Math.max(1, living.length)];
    switch (act) {
      case 'run':
        crowd.run(n);
        return;
      case 'main':
        if (main.busy) main.run(n);
        return;
      case 'check':
        this.checks = true;
        return;
      case 'begin':
        if (living.length < MOST_CLIENTS)
          crowd.begin(
            PROGRAMS[n % PROGRAMS.length] as (typeof PROGRAMS)[0],
            who % 3 === 0 ? undefined : client,
            n % 2 === 0,
          );
        return;
      case 'capacity':
      case 'limit':
      case 'policy':
      case 'rules':
      case 'cap':
        this.#set(act, n);
        return;
      case 'late':
        this.#machine.device.late = (['no', 'in order', 'last first'] as const)[n % 3] ?? 'no';
        return;
      case 'crash':
        this.#machine.dead = true;
        return;
      case 'yield':
        main.tell({ type: 'yield' });
        return;
      case 'resize':
      case 'cancel':
      case 'end':
      case 'bounds':
      case 'say':
        this.#change(act, who, n);
        return;
    }
    if (client !== undefined) this.#doAs(client, act, n);
  }

  /** Something is set for the whole pool. */
  #set(act: 'capacity' | 'limit' | 'policy' | 'rules' | 'cap', n: number): void {
    const { settings } = this.#main;
    if (act === 'capacity') settings.capacity = 1 + n;
    if (act === 'limit') settings.limit = n === 0 ? Number.POSITIVE_INFINITY : n;
    if (act === 'policy') settings.generous = n % 2 === 0;
    if (act === 'rules') settings.most = n % 4;
    if (act === 'cap') settings.cap = n === 0 ? Number.POSITIVE_INFINITY : n;
    this.#main.set(act);
  }

  #change(act: 'resize' | 'cancel' | 'end' | 'bounds' | 'say', who: number, n: number): void {
    const open = [...this.#main.opened.values()].filter(({ over, within }) => !over && !within);
    const build = open[who % Math.max(1, open.length)];
    if (build === undefined) return;
    const { id, lease, path } = build;
    if (act === 'resize' && lease) this.#main.tell({ type: 'resize', request: n, id, slots: 1 + n });
    if (act === 'cancel' && path === undefined) this.#main.tell({ type: 'cancel', id });
    if (act === 'end' && lease) {
      build.ending = true;
      this.#main.tell({ type: 'end', id });
    }
    if (act === 'bounds') this.#main.bind(build, n % 2 === 0);
    if (act === 'say') this.#main.tell({ type: 'say', id, said: { weight: 1 + (n % 3), class: classOf(n) } });
  }

  #doAs(client: Client, act: Act, n: number): void {
    const crowd = this.#crowd;
    const thread = client.idle;
    const file = client.files[n % Math.max(1, client.files.length)];
    const pipe = client.pipes[n % Math.max(1, client.pipes.length)];
    switch (act) {
      case 'kill':
      case 'forsake':
        crowd.kill(client, act === 'forsake');
        return;
      case 'signal':
        crowd.signal(client, client.threads[n % 2] as Thread, 1 + (n % 3));
        return;
      case 'build':
      case 'lease':
        if (this.#main.isRoot(client)) return;
        this.#main.openBuild(client, act === 'lease' ? { min: 1 + (n % 3), max: 1 + (n % 3) + (n % 2) } : undefined);
        return;
      case 'with':
        this.#main.openWith(client, n % 2 === 0, { weight: 1 + (n % 3), class: classOf(n) });
        return;
      case 'close':
        if (file !== undefined && !client.threads.some((one) => this.#uses(one))) crowd.closeFile(client, file);
        return;
    }
    if (thread === undefined) return;
    switch (act) {
      case 'open':
        this.#open(client, thread);
        break;
      case 'read':
      case 'try':
        if (pipe !== undefined && (file === undefined || n % 2 === 0)) {
          // Ninja never waits for a token.
          crowd.take(client, thread, { pipe, blocks: act === 'read' && client.program !== 'ninja' });
        } else if (file !== undefined) crowd.read(client, thread, { file, blocks: act === 'read' });
        break;
      case 'poll':
        if (file !== undefined) crowd.poll(client, thread, file);
        break;
      case 'return':
        this.giveBack(client, thread, 1 + n);
        break;
      case 'rude':
        this.rude = true;
        if (pipe !== undefined) crowd.giveBack(client, pipe, n);
        else if (file !== undefined) crowd.write(client, thread, { file, count: 1 + n });
        break;
      case 'burst':
        if (file !== undefined) this.#burst(client, thread, { file, left: 20 * n });
        break;
    }
  }

  #open(client: Client, thread: Thread): void {
    if (client.files.length + client.pipes.length >= 3) return;
    if (client.program === 'splitter' && client.looked) return; // such a node is for those that open once
    client.looked = true;
    if (this.#system) {
      this.#crowd.open(client, thread);
      return;
    }
    const { path, over = true } = this.#main.runAround(client) ?? {};
    if (path !== undefined && !over) this.#crowd.openPath(client, path);
  }

  /** Returns up to `most` tokens of one kind; false when it has none that it can return. */
  giveBack(client: Client, thread: Thread, most: number): boolean {
    for (const [pipe, count] of client.taken) {
      if (count <= 0 || !client.pipes.includes(pipe)) continue;
      this.#crowd.giveBack(client, pipe, Math.min(count, most));
      return true;
    }
    const [file] = client.files;
    if (client.held <= 0 || file === undefined || thread.wait !== undefined) return false;
    this.#crowd.write(client, thread, { file, count: Math.min(client.held, most) });
    return true;
  }

  /** Takes and returns many times in a row, as a client alone on the machine does. */
  #burst(client: Client, thread: Thread, { file, left }: { file: OpenFile; left: number }): void {
    const ready = () => client.alive && thread.wait === undefined && client.files.includes(file);
    if (left === 0 || !ready()) return;
    const again = () => this.#burst(client, thread, { file, left: left - 1 });
    const give = () => ready() && client.held > 0 && this.#crowd.write(client, thread, { file, count: 1, next: again });
    this.#crowd.read(client, thread, { file, blocks: false, next: give });
  }

  #uses({ wait }: Thread): boolean {
    return wait?.on === 'ring' || wait?.on === 'answer';
  }
}
