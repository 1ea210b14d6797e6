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

/** What a build may have by where it runs. */
export interface Room {
  /** The names of its bounds. */
  bounds: readonly string[];
  /** What the processors of a group around it allow, where that is least; undefined: any number of slots. */
  processors: Pick<GroupLimit, 'slots' | 'reason'> | undefined;
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

  /**
   * What is allowed to a build that is about to open: so it has no slot before its bounds. Those of the groups in which builds
   * are already are as they were found then.
   */
  came(build: BuildMemory, pid: number, { config, now }: Omit<Look, 'capacity'>): Room {
    if (!config.cgroup) return { bounds: [], processors: undefined };
    const groups = new Map<string, Group>();
    const limited = this.#limitedOf(build.id, pid, { groups, now });
    const found = limited.map((folder) => ({ folder, group: groups.get(folder) as Group }));
    for (const { folder, group } of found) {
      if (!this.#limits.has(nameOf(folder)))
        this.#limit(nameOf(folder), this.#allowed(folder, group, config, [build]).slots);
    }
    const bounds = limited.map(nameOf);
    this.#told(build.id, bounds);
    const [least] = found.sort((a, b) => a.group.quota - b.group.quota);
    const byCpu = least && this.#allowed(least.folder, { ...least.group, memory: undefined }, config, []);
    return { bounds, processors: byCpu };
  }

  /** `pids`: of each build a process; `coming`: builds that the engine may not know yet. `now`: milliseconds. */
  look(
    builds: readonly BuildMemory[],
    pids: ReadonlyMap<number, number>,
    { config, capacity, now, coming = [] }: Look & { coming?: readonly BuildMemory[] },
  ): void {
    const groups = new Map<string, Group>();
    for (const build of [...builds, ...coming]) {
      const pid = pids.get(build.id);
      const limited = pid === undefined || !config.cgroup ? [] : this.#limitedOf(build.id, pid, { groups, now });
      for (const folder of limited) groups.get(folder)?.builds.push(build);
      if (builds.includes(build)) this.#bind(build.id, limited.map(nameOf));
    }
    this.limits = [];
    for (const [folder, group] of groups) {
      if (group.builds.length === 0) continue;
      const found = this.#allowed(folder, group, config, group.builds);
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
    // The process has ended, and the build has others: what was known of it is still so.
    if (cgroups.length === 0) return known?.cgroups ?? [];
    this.#bounds.set(id, { told: '', ...known, cgroups, at: now });
    return cgroups;
  }

  #group(cgroup: Cgroup): Group {
    return { quota: cpuQuota(cgroup, this.#read), memory: groupMemory(cgroup, this.#read), builds: [] };
  }

  #allowed(folder: string, { quota, memory }: Group, config: LimitsConfig, inside: readonly BuildMemory[]): GroupLimit {
    const forecast = memory && this.#memory.forecast(inside, memory.limit - memory.used);
    return groupLimit({ folder, quota, memory, forecast }, config);
  }

  #bind(id: number, caps: readonly string[]): void {
    if (this.#told(id, caps)) this.#engine.setBounds(id, caps);
  }

  /** Whether the engine was to be told; it is now. */
  #told(id: number, caps: readonly string[]): boolean {
    const bounds = this.#bounds.get(id);
    const told = caps.join('\n');
    if (bounds === undefined || bounds.told === told) return false;
    bounds.told = told;
    return true;
  }

  #limit(name: string, slots: number): void {
    if (this.#limits.get(name) === slots) return;
    this.#limits.set(name, slots);
    this.#engine.setCap(name, slots);
  }
}

const PREFIX = 'cgroup:';
const nameOf = (folder: string): string => `${PREFIX}${folder}`;
