// The node that is measured, and the clients that checks open it with. Owns the promise that after a check all slots are there
// again: it looks, waits for what the server may still take back, and mends what stays lost or is too much.
import { constants, openSync, writeSync } from 'node:fs';
import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Agent, Crew } from './crew.ts';

const { O_RDWR, O_NONBLOCK } = constants;

/** How long slots may take to be found, where each client has a pipe of its own that they are laid into; milliseconds. */
const SEARCH = 10_000;
/** So many slots more than there should be are enough to know. */
const TOO_MANY = 64;
/** How long nothing must come until there is nothing more to come, milliseconds. */
const QUIET = 100;

export class Scene {
  readonly path: string;
  readonly slots: number;
  readonly crew: Crew;
  /**
   * The kit's own descriptor, for processes that inherit one. It is always open: to a server that goes by who stands above whom, all
   * clients are one build then.
   */
  readonly fd: number;
  /** How long a server may take to find that a client has died, milliseconds. */
  readonly reclaim: number;
  /** Looks how many slots there are. */
  #warden: Client | undefined;
  /** Those of the check that runs. */
  #clients: Client[] = [];

  constructor({ path, slots, crew, reclaim }: { path: string; slots: number; crew: Crew; reclaim: number }) {
    this.path = path;
    this.slots = slots;
    this.crew = crew;
    this.reclaim = reclaim;
    this.fd = openSync(path, O_RDWR | O_NONBLOCK);
  }

  /** A new process that has the node open; it does not wait unless it is told so. */
  async client(flags: number = O_RDWR | O_NONBLOCK): Promise<Client> {
    const agent = await this.crew.hire();
    return this.heir(agent, await this.open(agent, flags));
  }

  /** Another descriptor of `agent`. */
  async open(agent: Agent, flags: number): Promise<number> {
    const fd = await agent.ask('open', { path: this.path, flags });
    if (fd < 0) throw new Error(`cannot open it: ${errnoName(fd)}`);
    return fd;
  }

  /** A process that has inherited the node as `fd`. */
  heir(agent: Agent, fd: number): Client {
    const client = new Client(agent, fd);
    this.#clients.push(client);
    return client;
  }

  /** Ends all clients; each returns what it has. */
  async clear(): Promise<void> {
    for (const client of this.#clients.splice(0)) {
      if (client.agent.lives && client.held > 0) await client.give(client.held).catch(() => {});
      await client.agent.kill().catch(() => {});
    }
  }

  /**
   * The slots that are there, after waiting up to `patience` milliseconds for what is missing, and as long as a server may take to find a
   * death for what is too much; all of them are put back.
   */
  async count(patience: number = SEARCH): Promise<number> {
    const end = performance.now() + this.reclaim;
    let found = await this.#look(patience);
    while (found > this.slots && performance.now() < end) {
      await pause(QUIET);
      found = await this.#look(patience);
    }
    return found;
  }

  async #look(patience: number): Promise<number> {
    const warden = await this.#keeper();
    const found = Math.max(0, await warden.take(this.slots, patience));
    const more = found < this.slots ? 0 : await warden.takeAll();
    if (found + more > 0) await warden.give(found + more);
    return found + more;
  }

  /** How many slots have been lost, below 0 when there are more than before; then there are as many as before again. */
  async settle(patience?: number): Promise<number> {
    const lost = this.slots - (await this.count(patience));
    // Through the descriptor that others inherit: a server may have a pipe for each process, and what an heir has lost is missed there.
    if (lost > 0) writeSync(this.fd, '+'.repeat(lost));
    if (lost < 0) await (await this.#keeper()).take(-lost);
    return lost;
  }

  async #keeper(): Promise<Client> {
    if (this.#warden === undefined) {
      const agent = await this.crew.hire();
      this.#warden = new Client(agent, await this.open(agent, O_RDWR | O_NONBLOCK));
    }
    return this.#warden;
  }
}

/** A process that has the node open. */
export class Client {
  readonly agent: Agent;
  readonly fd: number;
  /** Slots that it has taken and not returned. */
  held = 0;

  constructor(agent: Agent, fd: number) {
    this.agent = agent;
    this.fd = fd;
  }

  /** Takes `count` slots, and says how many it has got. */
  async take(count: number, patience: number = SEARCH): Promise<number> {
    const taken = await this.agent.ask('gather', { fd: this.fd, count, ms: patience }, patience + SEARCH);
    this.held += Math.max(0, taken);
    return taken;
  }

  /** Takes what is there, until nothing comes any more. */
  async takeAll(): Promise<number> {
    let taken = 0;
    while (taken < TOO_MANY && (await this.take(1, QUIET)) === 1) taken++;
    return taken;
  }

  /** Through `fd`, or the descriptor that it takes them from. @throws Error when the server does not take them */
  async give(count: number, fd: number = this.fd): Promise<void> {
    const written = await this.agent.ask('write', { fd, text: '+'.repeat(count) });
    this.held -= Math.max(0, written);
    if (written !== count) throw new Error(`a return of ${count} is answered by ${errnoName(written)}`);
  }

  /** One read(2), for at most `ms` milliseconds; `alarm`: interrupted again and again. */
  async read(ms: number, alarm?: { every: number; restart: boolean }): Promise<number> {
    const result = await this.agent.ask('read', { fd: this.fd, ...(alarm && { alarm }) }, ms);
    if (result === 1) this.held++;
    return result;
  }
}

/** `EAGAIN` for -11; what is no error stays a number. */
export function errnoName(result: number): string {
  if (result >= 0) return String(result);
  return Object.entries(os.constants.errno).find(([, number]) => number === -result)?.[0] ?? `error ${-result}`;
}
