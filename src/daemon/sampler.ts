// One look at the machine: what its sensors say, joined with what the engine says of the builds. The walk of /proc is the dear
// part: it is done as often as it may cost.
import { type LimitsConfig, pressureMax, type Readings } from '../core/limits.ts';
import type { BuildMemory, Memory } from '../core/memory.ts';
import type { BuildFigures, Snapshot } from '../engine/messages.ts';
import { processors } from '../process/processors.ts';
import { runningTasks } from '../sensors/load.ts';
import { machineMemory } from '../sensors/memory.ts';
import { Pressure, RESOURCES } from '../sensors/pressure.ts';
import { type Footprint, noFootprint, Processes } from '../sensors/processes.ts';
import type { Groups, Room } from './groups.ts';

/** The part of one processor that walks may take. */
const MAX_COST = 0.002;

export class Sampler {
  readonly #memory: Memory;
  readonly #groups: Groups;
  readonly #processes = new Processes();
  readonly #pressure = new Pressure();
  readonly #processors = processors();
  /** The builds as they were found at the last walk, and what was available then, bytes. */
  #found: Found[] = [];
  #available: number | undefined;
  /** The most memory that each build was seen to have, bytes. */
  readonly #peaks = new Map<number, number>();
  /** Builds that came since, by id, and a process of each that was announced. */
  readonly #new = new Map<number, { build: Found; pid: number | undefined }>();
  /** Slots in use at the last look. */
  #used = 0;
  /** Tasks that wanted a processor when they were counted last. */
  #running: number | undefined;
  #walkedAt = Number.NEGATIVE_INFINITY;
  /** What a walk costs on average, and how long to wait until the next, milliseconds. */
  #cost = 0;
  #pause = 0;

  constructor(memory: Memory, groups: Groups) {
    this.#memory = memory;
    this.#groups = groups;
  }

  /** A build is about to come; `pid`: its root. */
  came(id: number, label: string, pid?: number): void {
    this.#new.set(id, { build: newcomer(id, label), pid });
  }

  /** What a build that came may have by where it runs. */
  room(id: number, options: { config: LimitsConfig; now: number }): Room {
    const { build, pid } = this.#new.get(id) ?? {};
    return build === undefined || pid === undefined ? ANYWHERE : this.#groups.came(build, pid, options);
  }

  ended(id: number): void {
    this.#new.delete(id);
    this.#peaks.delete(id);
    this.#found = this.#found.filter((build) => build.id !== id);
    this.#memory.ended(id);
    this.#groups.ended(id);
    if (this.#found.length > 0) return;
    // Nobody is left to look at: what was seen is soon out of date.
    this.#available = undefined;
    this.#used = 0;
  }

  /** The most memory that a build was seen to have, bytes; undefined: nothing was seen yet. */
  peakOf(id: number): number | undefined {
    return this.#peaks.get(id);
  }

  /** To be called before a look, while the engine does not work for it yet: it would be counted, too. */
  count({ maxLoad, maxCpuPressure }: LimitsConfig): void {
    this.#running = maxLoad > 0 || maxCpuPressure > 0 ? runningTasks() : undefined;
  }

  /** What counts now; `snapshot`: of this moment, where there is one. `now`: milliseconds. */
  look(
    capacity: number,
    snapshot: Snapshot | undefined,
    { config, now }: { config: LimitsConfig; now: number },
  ): Readings {
    const memory = machineMemory();
    if (snapshot !== undefined) {
      this.#used = snapshot.builds.reduce((sum, { implicit, held }) => sum + implicit + held, 0);
      if (now - this.#walkedAt >= this.#pause) this.#walk(snapshot.builds, memory?.available, now);
      else
        this.#found = snapshot.builds.map((build) => this.#found.find(({ id }) => id === build.id) ?? foundOf(build));
      const pids = pidsOf(snapshot.builds);
      for (const { id } of snapshot.builds) this.#new.delete(id);
      for (const [id, { pid }] of this.#new) if (pid !== undefined) pids.set(id, pid);
      const coming = [...this.#new.values()].map(({ build }) => build);
      this.#groups.look(this.#found, pids, { config, capacity, now, coming });
    }
    const running = this.#found.reduce((sum, build) => sum + build.running, 0);
    const available = this.#available ?? memory?.available;
    const newcomers = [...this.#new.values()].map(({ build }) => build);
    const pressure: Readings['pressure'] = {};
    const wanted = pressureMax(config);
    for (const resource of RESOURCES) {
      if (wanted[resource] <= 0) continue;
      const percent = this.#pressure.percent(resource, now);
      if (percent !== undefined) pressure[resource] = percent;
    }
    return {
      capacity,
      used: this.#used,
      processors: this.#processors,
      pressure,
      ...(this.#running !== undefined && { running: { all: this.#running, builds: running } }),
      ...(memory !== undefined && { memory }),
      ...(available !== undefined && { forecast: this.#memory.forecast([...this.#found, ...newcomers], available) }),
    };
  }

  /** What counts while there is no build: whoever comes may be the worst. */
  idle(capacity: number): Readings {
    this.#pressure.restart();
    const memory = machineMemory();
    const readings = { capacity, used: 0, processors: this.#processors, pressure: {} };
    return memory === undefined ? readings : { ...readings, memory, forecast: this.#memory.worst(memory.available) };
  }

  #walk(builds: readonly BuildFigures[], available: number | undefined, now: number): void {
    const before = process.threadCpuUsage();
    const roots = new Map<number, number>();
    for (const { id, facts, clients } of builds) {
      if (facts.kind === 'run') roots.set(facts.rootPid, id);
      for (const { pid } of clients) if (!roots.has(pid)) roots.set(pid, id);
    }
    const footprints = this.#processes.walk(roots, now);
    this.#found = builds.map((build) => foundOf(build, footprints.get(build.id)));
    for (const { id, bytes } of this.#found) if (bytes > (this.#peaks.get(id) ?? 0)) this.#peaks.set(id, bytes);
    this.#available = available;
    this.#memory.observe(this.#found, now);
    const { user, system } = process.threadCpuUsage(before);
    // The kernel counts a thread's time in large pieces.
    this.#cost += ((user + system) / 1000 - this.#cost) / 8;
    this.#pause = this.#cost / MAX_COST;
    this.#walkedAt = now;
  }
}

/** Of each build a process, as far as one is known. */
function pidsOf(builds: readonly BuildFigures[]): Map<number, number> {
  const pids = new Map<number, number>();
  for (const { id, facts, clients } of builds) {
    const pid = clients[0]?.pid ?? facts.rootPid;
    if (pid !== 0) pids.set(id, pid);
  }
  return pids;
}

type Found = BuildMemory & Footprint;

const ANYWHERE: Room = { bounds: [], processors: undefined };

const newcomer = (id: number, label: string): Found => ({ ...noFootprint(), id, label, slots: 0, waiting: 1 });

function foundOf(
  { id, facts, implicit, held, waiting, clients }: BuildFigures,
  footprint: Footprint = noFootprint(),
): Found {
  const program = footprint.program ?? clients[0]?.program;
  return { ...footprint, program, id, label: facts.label, slots: Math.max(0, implicit + held), waiting };
}
