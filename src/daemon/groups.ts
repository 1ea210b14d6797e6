// What the control groups of builds allow them: a bound in the engine for each group that has a limit, shared by all builds
// in it or below.
import { type GroupLimit, groupLimit, type LimitsConfig } from '../core/limits.ts';
import type { BuildMemory, Memory } from '../core/memory.ts';
import { type Cgroup, cgroupsOf, cpuQuota, type GroupMemory, groupMemory, type Read } from '../process/cgroups.ts';

/** What it needs of the engine. */
export interface BoundsEngine {
  setCap(name: string, limit: number): void;
  setBounds(id: number, caps: readonly string[]): void;
}

interface Group {
  /** In processors; Infinity: no limit. */
  quota: number;
  memory: GroupMemory | undefined;
  builds: BuildMemory[];
}

export class Groups {
  readonly #engine: BoundsEngine;
  readonly #memory: Memory;
  readonly #read: Read | undefined;
  /** What the engine was told: of each bound, and of each build. */
  readonly #limits = new Map<string, number>();
  readonly #bounds = new Map<number, string>();
  /** What binds now, for people. */
  limits: GroupLimit[] = [];

  constructor(engine: BoundsEngine, memory: Memory, read?: Read) {
    this.#engine = engine;
    this.#memory = memory;
    this.#read = read;
  }

  /** `pids`: of each build a process. */
  look(
    builds: readonly BuildMemory[],
    pids: ReadonlyMap<number, number>,
    config: LimitsConfig,
    capacity: number,
  ): void {
    const groups = new Map<string, Group>();
    for (const build of builds) {
      const pid = pids.get(build.id);
      const own = pid === undefined || !config.cgroup ? [] : this.#groupsOf(pid, groups);
      for (const folder of own) groups.get(folder)?.builds.push(build);
      this.#bind(build.id, own.map(nameOf));
    }
    this.limits = [];
    for (const [folder, { quota, memory, builds: inside }] of groups) {
      if (inside.length === 0) continue;
      const forecast = memory && this.#memory.forecast(inside, memory.limit - memory.used);
      const found = groupLimit({ folder, quota, memory, forecast }, config);
      this.#limit(nameOf(folder), found.slots);
      if (found.slots < capacity) this.limits.push(found);
    }
    for (const name of this.#limits.keys()) {
      if (groups.get(name.slice(PREFIX.length))?.builds.length) continue;
      this.#limits.delete(name);
      this.#engine.setCap(name, Number.POSITIVE_INFINITY);
    }
    this.limits.sort((a, b) => a.slots - b.slots);
  }

  ended(id: number): void {
    this.#bounds.delete(id);
  }

  /** The folders of the groups around a process that have a limit. */
  #groupsOf(pid: number, groups: Map<string, Group>): string[] {
    const found: string[] = [];
    for (const controller of ['cpu', 'memory'] as const) {
      for (const cgroup of cgroupsOf(controller, this.#read, pid)) {
        const { folder } = cgroup;
        const group = groups.get(folder) ?? this.#group(cgroup);
        groups.set(folder, group);
        if ((group.quota < Number.POSITIVE_INFINITY || group.memory !== undefined) && !found.includes(folder))
          found.push(folder);
      }
    }
    return found;
  }

  #group(cgroup: Cgroup): Group {
    return { quota: cpuQuota(cgroup, this.#read), memory: groupMemory(cgroup, this.#read), builds: [] };
  }

  #bind(id: number, caps: readonly string[]): void {
    const told = caps.join('\n');
    if ((this.#bounds.get(id) ?? '') === told) return;
    this.#bounds.set(id, told);
    this.#engine.setBounds(id, caps);
  }

  #limit(name: string, slots: number): void {
    if (this.#limits.get(name) === slots) return;
    this.#limits.set(name, slots);
    this.#engine.setCap(name, slots);
  }
}

const PREFIX = 'cgroup:';
const nameOf = (folder: string): string => `${PREFIX}${folder}`;
