// How many slots the machine can bear now, and why. Each limiter says how many slots it allows and its reason in words; the
// smallest counts. `min_slots` always run, and what was taken away comes back on a ramp. Pure: the readings and the time, in
// milliseconds of the caller's clock, are arguments. It reads no sensor and gives out no slot.
import { Brake, type Feeling } from './brake.ts';

export interface LimitsConfig {
  /** Slots that always may run, 1 or more. */
  minSlots: number;
  /** Tasks that may want a processor at once; 0: any number. */
  maxLoad: number;
  /** Percent of the time in which some task waited for a processor; 0: any. */
  maxCpuPressure: number;
  /** The same for disks. */
  maxIoPressure: number;
  /** The same for memory. */
  maxMemoryPressure: number;
  /** Memory that stays available: bytes, or percent of all there is. */
  minMemory: { bytes: number } | { percent: number };
  /** What a job of an unknown program is expected to need, bytes; what is learned takes its place. */
  memoryPerJob: number;
  /** Whether what jobs will still need is set aside before others are let in. */
  memoryLookAhead: boolean;
  /** Whether the limits of a build's control group count for it. */
  cgroup: boolean;
  /** Slots that come back in a second after a stall; undefined: an eighth of the pool. */
  ramp: number | undefined;
}

export const DEFAULT_LIMITS: LimitsConfig = {
  minSlots: 1,
  maxLoad: 0,
  maxCpuPressure: 0,
  maxIoPressure: 0,
  maxMemoryPressure: 20,
  minMemory: { percent: 5 },
  memoryPerJob: 256 * 2 ** 20,
  memoryLookAhead: true,
  cgroup: true,
  ramp: undefined,
};

/** For each kind of pressure the percent that it may have; 0: any. */
export function pressureMax(config: LimitsConfig): Record<'cpu' | 'io' | 'memory', number> {
  return { cpu: config.maxCpuPressure, io: config.maxIoPressure, memory: config.maxMemoryPressure };
}

/** What the builds will do to the memory. */
export interface Forecast {
  /** Slots that were in use when it was made. */
  used: number;
  /** Memory that was available then, bytes. */
  available: number;
  /** Memory that jobs which run already will still take, bytes. */
  pending: number;
  /** Memory that the next job is expected to need, bytes, and whose that is. */
  next: number;
  who: string;
}

/** What the sensors say; what this machine cannot tell is missing. */
export interface Readings {
  /** Slots in the pool. */
  capacity: number;
  /** Slots in use. */
  used: number;
  processors: number;
  /** Tasks that want a processor now, without the one that looks; and how many of them belong to builds, as far as known. */
  running?: { all: number; builds: number };
  /** Percent of the time since the last look in which some task waited. */
  pressure: { cpu?: number; io?: number; memory?: number };
  /** Bytes. */
  memory?: { total: number; available: number };
  forecast?: Forecast;
}

export type LimitName = 'load' | 'cpu-pressure' | 'io-pressure' | 'memory-pressure' | 'memory' | 'ramp';

/** One thing that allows fewer slots than there are. */
export interface Limit {
  name: LimitName;
  slots: number;
  /** In words, for people. */
  reason: string;
}

export interface Verdict {
  /** Slots that may be out, `minSlots` to the capacity. */
  limit: number;
  /** What allows fewer slots than the pool has, smallest first. */
  limits: Limit[];
}

/** Below this part of a threshold slots come back. */
const CALM = 0.8;
/** How fast the average of tasks that want a processor follows, milliseconds. */
const SMOOTH = 1500;

export class Limiter {
  config: LimitsConfig;
  readonly #load = new Brake();
  readonly #pressure = { cpu: new Brake(), io: new Brake(), memory: new Brake() };
  /** Tasks that want a processor, and those that are not accounted for by slots; averages. */
  #running: { all: number; rest: number } | undefined;
  /** Slots allowed now; fractions of a slot are kept while it rises. */
  #limit = Number.POSITIVE_INFINITY;
  #capacity = 0;
  #last: number | undefined;

  constructor(config: LimitsConfig = DEFAULT_LIMITS) {
    this.config = config;
  }

  judge(readings: Readings, now: number): Verdict {
    const { config } = this;
    const { capacity, used } = readings;
    const passed = this.#last === undefined ? 0 : Math.max(0, now - this.#last);
    this.#last = now;
    const step = ((config.ramp ?? capacity / 8) * passed) / 1000;
    const least = Math.min(config.minSlots, capacity);
    this.#average(readings, passed);

    const found: (Limit | undefined)[] = [
      this.#loadLimit({ used, least, step }, capacity, now),
      this.#pressureLimit(
        'cpu',
        readings,
        { used, least: Math.max(least, this.#free(readings.processors)), step },
        now,
      ),
      this.#pressureLimit('io', readings, { used, least, step }, now),
      this.#pressureLimit('memory', readings, { used, least, step }, now),
      memoryLimit(readings, config),
    ];
    const limits = found
      .filter((limit) => limit !== undefined)
      .map((limit) => ({ ...limit, slots: Math.max(least, Math.floor(limit.slots)) }))
      .filter(({ slots }) => slots < capacity)
      .sort((a, b) => a.slots - b.slots);
    const target = limits[0]?.slots ?? capacity;
    // A pool that was made larger was not held back.
    if (this.#limit >= this.#capacity) this.#limit = capacity;
    this.#capacity = capacity;
    this.#limit = target <= this.#limit ? target : Math.min(target, this.#limit + step);
    const limit = Math.max(least, Math.floor(this.#limit));
    if (limit < target)
      limits.unshift({ name: 'ramp', slots: limit, reason: `slots come back one by one, up to ${target}` });
    return { limit, limits };
  }

  /** One slot is one task. What wants a processor beyond that is not ours, or more than a slot stands for. */
  #average({ running, used }: Readings, passed: number): void {
    if (running === undefined) {
      this.#running = undefined;
      return;
    }
    const all = Math.max(0, running.all);
    const rest = Math.max(0, all - Math.max(used, running.builds));
    const last = this.#running ?? { all, rest };
    const weight = 1 - Math.exp(-passed / SMOOTH);
    this.#running = { all: last.all + weight * (all - last.all), rest: last.rest + weight * (rest - last.rest) };
  }

  /** Of so many, what others leave. */
  #free(count: number): number {
    return Math.round(count - (this.#running?.rest ?? 0));
  }

  #loadLimit(feeling: Omit<Feeling, 'state'>, capacity: number, now: number): Limit | undefined {
    const { maxLoad } = this.config;
    const load = this.#running?.all;
    if (maxLoad <= 0 || load === undefined) {
      this.#load.off();
      return undefined;
    }
    const state = load > maxLoad + 0.5 ? 'over' : load < maxLoad * CALM || load < maxLoad - 0.5 ? 'calm' : 'near';
    const least = Math.max(feeling.least, this.#free(maxLoad));
    this.#load.feel({ ...feeling, least, state }, capacity, now);
    const how = state === 'over' ? 'is over' : 'was over';
    return { name: 'load', slots: this.#load.slots, reason: `load ${load.toFixed(1)} ${how} max_load ${maxLoad}` };
  }

  #pressureLimit(
    resource: 'cpu' | 'io' | 'memory',
    { pressure, capacity }: Readings,
    feeling: Omit<Feeling, 'state'>,
    now: number,
  ): Limit | undefined {
    const most = pressureMax(this.config)[resource];
    const percent = pressure[resource];
    const brake = this.#pressure[resource];
    if (most <= 0 || percent === undefined) {
      brake.off();
      return undefined;
    }
    const state = percent > most ? 'over' : percent < most * CALM ? 'calm' : 'near';
    brake.feel({ ...feeling, state }, capacity, now);
    const how = state === 'over' ? 'is over' : 'was over';
    const reason = `${resource} pressure ${percent.toFixed(0)}% ${how} max_${resource}_pressure ${most}`;
    return { name: `${resource}-pressure`, slots: brake.slots, reason };
  }
}

/** What the builds of one control group may have. */
export interface GroupLimit {
  name: 'cgroup';
  /** Slots for all of them together; Infinity: any number. */
  slots: number;
  reason: string;
}

interface GroupReadings {
  /** The group, as a folder. */
  folder: string;
  /** Processors that it may use; Infinity: any number. */
  quota: number;
  /** What it may have and has, bytes. */
  memory: { limit: number; used: number } | undefined;
  /** Of the builds in it, with what the group has left as available. */
  forecast: Forecast | undefined;
}

/** What a control group can bear of the builds in it; one slot always. */
export function groupLimit({ folder, quota, memory, forecast }: GroupReadings, config: LimitsConfig): GroupLimit {
  const cpus = Math.ceil(quota);
  const byCpu = {
    slots: cpus,
    reason: `builds in ${folder} may use ${cpus} ${cpus === 1 ? 'processor' : 'processors'}`,
  };
  if (memory === undefined || forecast === undefined) return { name: 'cgroup', ...byCpu };
  const { available, pending, next, who, used } = forecast;
  const floor = 'bytes' in config.minMemory ? 0 : floorOf(config, memory.limit);
  const slots = Math.max(1, used + roomFor((available - floor - (config.memoryLookAhead ? pending : 0)) / next));
  if (cpus <= slots) return { name: 'cgroup', ...byCpu };
  const left = `${size(Math.max(0, available))} of ${size(memory.limit)} left`;
  const reason = `builds in ${folder}: ${left}; each job of ${who} is expected to need ${size(next)}`;
  return { name: 'cgroup', slots, reason };
}

/** The floor in bytes. */
function floorOf({ minMemory }: LimitsConfig, total: number): number {
  return 'bytes' in minMemory ? minMemory.bytes : (total * minMemory.percent) / 100;
}

function memoryLimit(readings: Readings, config: LimitsConfig): Limit | undefined {
  const { memory, forecast, used } = readings;
  if (memory === undefined) return undefined;
  const floor = floorOf(config, memory.total);
  const ahead = config.memoryLookAhead && forecast !== undefined ? lookAhead(forecast, floor) : undefined;
  const left = memory.available - floor;
  if (left >= 0) return ahead;
  // Too late for more; and fewer than now, as far as jobs end by themselves.
  const slots = used - Math.ceil(-left / (forecast?.next ?? config.memoryPerJob));
  if (ahead !== undefined && ahead.slots <= slots) return ahead;
  const reason = `memory: ${size(memory.available)} available, below the floor of ${size(floor)}`;
  return { name: 'memory', slots, reason };
}

function lookAhead({ used, available, pending, next, who }: Forecast, floor: number): Limit {
  const growth = pending >= 2 ** 20 ? `, of which running jobs are expected to take ${size(pending)} more` : '';
  const above =
    available >= floor
      ? `${size(available - floor)} left above the floor of ${size(floor)}`
      : `${size(available)} available, below the floor of ${size(floor)}`;
  const reason = `memory: ${above}${growth}; each job of ${who} is expected to need ${size(next)}`;
  return { name: 'memory', slots: used + roomFor((available - floor - pending) / next), reason };
}

/** A little too much is no reason to leave a slot empty when a job of the same kind ends. */
const roomFor = (jobs: number): number => (jobs >= 0 ? Math.floor(jobs) : -Math.round(-jobs));

/** `1.2 GiB`. */
function size(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
