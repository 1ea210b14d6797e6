// What the control groups of builds allow them: a bound in the engine for each group that has a limit, shared by all builds
// in it or below.
import { type GroupLimit, groupLimit, type LimitsConfig } from '../core/limits.ts';
import type { BuildMemory, Memory } from '../core/memory.ts';
import {
  type Cgroup,
  cgroupMounts,
  cgroupsOf,
  cpuQuota,
  type GroupMemory,
  groupMemory,
  type Read,
} from '../process/cgroups.ts';

/** What it needs of the engine. */
export interface BoundsEngine {
  setCap(name: string, limit: number): void;
  setBounds(id: number, caps: readonly string[]): void;
}

interface Look {
  config: LimitsConfig;
  /** Slots in the pool. */
  capacity: number;
  now: number;
}

interface Group {
  /** In processors; Infinity: no limit. */
  quota: number;
  memory: GroupMemory | undefined;
  builds: BuildMemory[];
}

interface Bounds {
  /** The groups around it. */
  cgroups: readonly Cgroup[];
  /** When they were read, milliseconds. */
  at: number;
  /** What the engine was told. */
  told: string;
}

const CONTROLLERS = ['cpu', 'memory'] as const;
/** A process may be moved: its groups are looked up again after so long, milliseconds. */
const AGAIN = 10_000;

export class Groups {
  readonly #engine: BoundsEngine;
  readonly #memory: Memory;
  readonly #read: Read | undefined;
  readonly #mounts: Record<(typeof CONTROLLERS)[number], ReturnType<typeof cgroupMounts>>;
  /** What the engine was told of each bound. */
  readonly #limits = new Map<string, number>();
  readonly #bounds = new Map<number, Bounds>();
  /** Groups that had no limit, and until when that is believed. */
  readonly #unlimited = new Map<string, number>();
  /** What binds now, for people. */
  limits: GroupLimit[] = [];

  constructor(engine: BoundsEngine, memory: Memory, read?: Read) {
    this.#engine = engine;
    this.#memory = memory;
    this.#read = read;
    this.#mounts = { cpu: cgroupMounts('cpu', read), memory: cgroupMounts('memory', read) };
  }

  /** `pids`: of each build a process. `now`: milliseconds. */
  look(builds: readonly BuildMemory[], pids: ReadonlyMap<number, number>, { config, capacity, now }: Look): void {
    const groups = new Map<string, Group>();
    for (const build of builds) {
      const pid = pids.get(build.id);
      const limited = pid === undefined || !config.cgroup ? [] : this.#limitedOf(build.id, pid, { groups, now });
      for (const folder of limited) groups.get(folder)?.builds.push(build);
      this.#bind(build.id, limited.map(nameOf));
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
    for (const [folder, until] of this.#unlimited) if (until <= now) this.#unlimited.delete(folder);
    this.limits.sort((a, b) => a.slots - b.slots);
  }

  ended(id: number): void {
    this.#bounds.delete(id);
  }

  /** The folders of the groups around a build that have a limit; they are in `groups` then. */
  #limitedOf(id: number, pid: number, { groups, now }: { groups: Map<string, Group>; now: number }): string[] {
    const limited: string[] = [];
    for (const cgroup of this.#groupsOf(id, pid, now)) {
      const { folder } = cgroup;
      if (limited.includes(folder) || now < (this.#unlimited.get(folder) ?? 0)) continue;
      const group = groups.get(folder) ?? this.#group(cgroup);
      groups.set(folder, group);
      if (group.quota === Number.POSITIVE_INFINITY && group.memory === undefined)
        this.#unlimited.set(folder, now + AGAIN);
      else limited.push(folder);
    }
    return limited;
  }

  #groupsOf(id: number, pid: number, now: number): readonly Cgroup[] {
    const known = this.#bounds.get(id);
    if (known !== undefined && now - known.at < AGAIN) return known.cgroups;
    const cgroups = CONTROLLERS.flatMap((of) => cgroupsOf(of, { read: this.#read, pid, mounts: this.#mounts[of] }));
    this.#bounds.set(id, { told: '', ...known, cgroups, at: now });
    return cgroups;
  }

  #group(cgroup: Cgroup): Group {
    return { quota: cpuQuota(cgroup, this.#read), memory: groupMemory(cgroup, this.#read), builds: [] };
  }

  #bind(id: number, caps: readonly string[]): void {
    const bounds = this.#bounds.get(id);
    const told = caps.join('\n');
    if (bounds === undefined || bounds.told === told) return;
    bounds.told = told;
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
