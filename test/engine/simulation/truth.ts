// The engine's figures, held against what the processes of the simulated machine have and wait for.
import assert from 'node:assert/strict';
import type { BuildFigures, ClientFigures, Snapshot } from '../../../src/engine/messages.ts';
import type { Client, Thread } from './client.ts';
import type { Crowd } from './crowd.ts';
import type { Fifo } from './fifo.ts';
import type { Machine } from './machine.ts';
import type { MainThread, Opened } from './main-thread.ts';

export class Truth {
  readonly #machine: Machine;
  readonly #crowd: Crowd;
  readonly #main: MainThread;
  readonly #system: boolean;

  constructor({ machine, crowd, main }: { machine: Machine; crowd: Crowd; main: MainThread }, system: boolean) {
    this.#machine = machine;
    this.#crowd = crowd;
    this.#main = main;
    this.#system = system;
  }

  /** @throws Error when they differ; to be called when nothing is under way */
  check(snapshot: Snapshot): void {
    if (!this.#system) {
      for (const build of snapshot.builds) this.#checkBuild(build);
      return;
    }
    const figures = snapshot.builds.flatMap(({ clients }) => clients);
    for (const one of figures) this.#checkHeld(one);
    const out = snapshot.builds.reduce((sum, { implicit, held, offered }) => sum + implicit + held + offered, 0);
    const aside = snapshot.builds.some(({ state, lease }) => state === 'starting' && (lease?.min ?? 1) > 1);
    // Some may have less than there is.
    const bounded = snapshot.builds.some(({ caps }) => caps.length > 0) || this.#main.bound.size > 0;
    const free = out < snapshot.limit && !aside && !bounded;
    let unlisted = 0;
    for (const client of this.#crowd.living) {
      const own = figures.filter(({ pid }) => pid === client.pid);
      const sum = (of: (one: ClientFigures) => number) => own.reduce((all, one) => all + of(one), 0);
      const reads = client.threads.filter(({ wait }) => wait?.on === 'answer' && wait.reads).length;
      const sleeps = client.threads.some(({ wait }) => wait?.on === 'ring');
      assert.ok(
        !(free && (reads > 0 || sleeps)),
        `process ${client.pid} waits though ${snapshot.limit - out} are free`,
      );
      if (own.length > 0 && this.#namesakes(client.pid).length > 1) return; // whose figures are they?
      if (client.disowned) return;
      if (own.length === 0) {
        unlisted += client.held; // it has only inherited what it uses
        continue;
      }
      assert.ok(sum(({ waiting }) => waiting) >= reads, `process ${client.pid} waits and is not in the queue`);
      const expected = sum(({ waiting, offered }) => waiting + offered);
      assert.ok(!sleeps || expected > reads, `process ${client.pid} sleeps and nobody will ring it`);
    }
    const held = snapshot.builds.reduce((sum, build) => sum + build.held, 0);
    const listed = figures.reduce((sum, one) => sum + one.held, 0);
    assert.equal(held, listed + unlisted, 'what builds have is what their processes have');
  }

  #checkHeld({ pid, held }: ClientFigures): void {
    if (this.#namesakes(pid).some(({ disowned }) => disowned)) return;
    const out = (node: number) => this.#machine.fifo(node).out;
    const truth = this.#namesakes(pid).flatMap((client) => {
      const own = [...client.nodes].reduce((sum, node) => sum + out(node), client.held);
      // Any of those that may be a lease's can be its own.
      return [...client.leased].reduce((sums, node) => sums.flatMap((sum) => [sum, sum + out(node)]), [own]);
    });
    assert.ok(truth.includes(held), `process ${pid} has ${truth.join(' or ')}, and is said to have ${held}`);
  }

  #namesakes(wanted: number): Client[] {
    return this.#crowd.clients.filter(({ pid }) => pid === wanted);
  }

  /** In user mode: what was taken from its FIFO. */
  #checkBuild({ id, held }: BuildFigures): void {
    const { path, lease } = this.#main.opened.get(id) ?? {};
    const fifo = path === undefined || lease ? undefined : this.#machine.fifos.get(path);
    if (fifo !== undefined) assert.equal(held, fifo.out, `build ${id} has what was taken from its FIFO`);
  }

  /** Whether a process is in one of these builds, for all that can be told. */
  mayBeIn(client: Client, builds: readonly BuildFigures[]): boolean {
    const line: number[] = [];
    for (let one: Client | undefined = client; one !== undefined; one = one.parent) line.push(one.pid);
    const has = (id: number) => client.pipes.some(({ read }) => this.#openedAt(read.fifo)?.id === id);
    return builds.some(
      ({ id, facts, clients }) =>
        line.includes(facts.rootPid) || clients.some(({ pid }) => line.includes(pid)) || (!this.#system && has(id)),
    );
  }

  /** Whether it waits for the pool, and not for what the others in its lease return. */
  isPoolsOwn({ wait }: Thread): boolean {
    if (wait?.on !== 'bytes') return wait !== undefined;
    const { fifo } = wait.pipe.read;
    if (this.#system)
      return this.#crowd.clients.some(({ nodes }) => [...nodes].some((node) => this.#machine.fifo(node) === fifo));
    const build = this.#openedAt(fifo);
    return build !== undefined && !build.lease;
  }

  /** In user mode: the build whose FIFO it is. */
  #openedAt(fifo: Fifo): Opened | undefined {
    return [...this.#main.opened.values()].find(({ path }) => this.#machine.fifos.get(path ?? '') === fifo);
  }
}
