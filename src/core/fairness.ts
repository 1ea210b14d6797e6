// Whose turn it is. Between builds first, then between the clients of the build: who has least of the pool goes first,
// and among equals who has waited longest. A build that has nothing is thereby ahead of every build that has something.
import { Heap } from './heap.ts';
import { type Build, type Client, has, outstanding, type Waiter } from './types.ts';

/** Whether client `a` goes before client `b` of the same build; both wait. */
export function clientTurn(a: Client, b: Client): boolean {
  const difference = has(a) - has(b);
  return difference === 0 ? a.order < b.order : difference < 0;
}

/** Whether build `a` goes before build `b`; both have clients that wait. */
function buildTurn(a: Build, b: Build): boolean {
  const difference = outstanding(a) - outstanding(b);
  return difference === 0 ? bestOrder(a) < bestOrder(b) : difference < 0;
}

/** Everybody who waits, by build, then by client, then by age. */
export class Queue {
  readonly #builds = new Heap<Build>(buildTurn);
  #size = 0;

  /** Waiters in all. */
  get size(): number {
    return this.#size;
  }

  /** Who is next. */
  peek(): Waiter | undefined {
    const client = this.#builds.peek()?.waiting.peek();
    return client === undefined ? undefined : oldest(client);
  }

  add(waiter: Waiter): void {
    const { client } = waiter;
    client.waiters.add(waiter);
    this.#size++;
    if (client.waiters.size > 1) return;
    client.order = waiter.order;
    client.build.waiting.push(client);
    this.#buildChanged(client.build);
  }

  remove(waiter: Waiter): void {
    const { client } = waiter;
    client.waiters.delete(waiter);
    this.#size--;
    const next = oldest(client);
    if (next === undefined) {
      client.build.waiting.remove(client);
    } else {
      client.order = next.order;
      client.build.waiting.moved(client);
    }
    this.#buildChanged(client.build);
  }

  /** To be called when what a client has of the pool has changed. */
  rankChanged(client: Client): void {
    if (client.at !== -1) client.build.waiting.moved(client);
    if (client.build.at !== -1) this.#builds.moved(client.build);
  }

  #buildChanged(build: Build): void {
    if (build.waiting.size === 0) this.#builds.remove(build);
    else if (build.at === -1) this.#builds.push(build);
    else this.#builds.moved(build);
  }
}

function oldest(client: Client): Waiter | undefined {
  for (const waiter of client.waiters) return waiter;
  return undefined;
}

function bestOrder(build: Build): number {
  return build.waiting.peek()?.order ?? Number.POSITIVE_INFINITY;
}
