// The kit's processes, seen from the kit: started, told what to do, and killed when they hang. Nothing here knows what is measured.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Orders } from './agent.ts';

/** How long an order may take that should be done at once, milliseconds; much, as the machine may be busy. */
const PATIENCE = 20_000;

/** An order was not done in time, or its process has ended. */
class Stuck extends Error {}

export class Crew {
  readonly #command: readonly string[];
  readonly #agents = new Set<Agent>();
  #dismissed = false;

  /** @param command becomes an agent */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** A new process; `fds`: descriptors of this one that it inherits as 3, 4 and so on. */
  async hire(fds: readonly number[] = []): Promise<Agent> {
    if (this.#dismissed) throw new Error('given up');
    const [file = '', ...args] = this.#command;
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit', ...fds] });
    const agent = new Agent(child, () => this.#agents.delete(agent));
    this.#agents.add(agent);
    await agent.ready;
    return agent;
  }

  hireAll(count: number): Promise<Agent[]> {
    return Promise.all(Array.from({ length: count }, () => this.hire()));
  }

  /** Kills whoever is left, and hires nobody any more. */
  async dismiss(): Promise<void> {
    this.#dismissed = true;
    await Promise.all([...this.#agents].map((agent) => agent.kill().catch(() => {})));
  }
}

export class Agent {
  /** When it can be told something. */
  readonly ready: Promise<unknown>;
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  /** Who waits for its answers, in order. */
  readonly #asked: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];
  #text = '';

  constructor(child: ChildProcess, gone: () => void) {
    this.#child = child;
    this.#gone = new Promise((resolve) => {
      const ended = () => {
        gone();
        for (const one of this.#asked.splice(0)) one.reject(new Stuck('its process has ended'));
        resolve();
      };
      child.once('exit', ended);
      child.once('error', ended);
    });
    child.stdin?.on('error', () => {}); // it has ended: that is heard of
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => this.#heard(chunk));
    this.ready = this.#answer(PATIENCE);
    this.ready.catch(() => {});
  }

  get lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @throws Stuck when there is no answer after `ms` milliseconds; then the process is killed */
  ask<K extends keyof Orders>(
    order: K,
    args: Parameters<Orders[K]>[0],
    ms: number = PATIENCE,
  ): Promise<ReturnType<Orders[K]>> {
    this.#child.stdin?.write(`${JSON.stringify([order, args])}\n`);
    return this.#answer(ms) as Promise<ReturnType<Orders[K]>>;
  }

  /** Kills it and waits until it is gone. @throws Stuck when it does not go */
  async kill(): Promise<void> {
    if (!this.lives) return;
    this.#child.kill('SIGKILL');
    await within(this.#gone, PATIENCE, () => new Stuck('a killed process does not end'));
  }

  async #answer(ms: number): Promise<unknown> {
    const answer = new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
    return within(answer, ms, () => {
      this.#child.kill('SIGKILL');
      return new Stuck(`no answer after ${ms / 1000} s`);
    });
  }

  #heard(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf('\n'); end !== -1; end = this.#text.indexOf('\n')) {
      this.#asked.shift()?.resolve(JSON.parse(this.#text.slice(0, end)));
      this.#text = this.#text.slice(end + 1);
    }
  }
}

/** @throws what `late` makes after `ms` milliseconds */
async function within<T>(wanted: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([wanted, over]);
  } finally {
    clearTimeout(timer);
  }
}
