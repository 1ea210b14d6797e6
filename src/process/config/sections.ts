// What the values of the sections [share] and [limits] mean, for those who work with them. Only what is said is there, so that
// each of them keeps its own defaults.
import type { Values } from './keys.ts';
import { bytesOf, percentOf } from './sizes.ts';

export type BuildClass = 'interactive' | 'normal' | 'background';

/** How the pool is shared; slots. */
export interface ShareConfig {
  firstSlot: 'overcommit' | 'wait';
  firstSlotMax: number;
  /** A part of the capacity. */
  newcomerOvercommit: number;
  clientMax: number;
  buildMax: number;
  userMax: number;
}

/** What the machine has to bear. */
export interface LimitsSection {
  minSlots: number;
  maxLoad: number;
  maxCpuPressure: number;
  maxIoPressure: number;
  maxMemoryPressure: number;
  minMemory: { bytes: number } | { percent: number };
  memoryPerJob: number;
  memoryLookAhead: boolean;
  cgroup: boolean;
  ramp: number;
}

export function shareOf(values: Values): Partial<ShareConfig> {
  const { class: _, ...share } = section(values, 'share');
  return share;
}

/** The class of builds of which no rule says one. */
export const classOf = (values: Values): BuildClass => (values['share.class'] as BuildClass | undefined) ?? 'normal';

export function limitsOf(values: Values): Partial<LimitsSection> {
  const found = section(values, 'limits');
  const { minMemory, memoryPerJob } = found;
  if (memoryPerJob !== undefined) found.memoryPerJob = bytesOf(memoryPerJob);
  if (minMemory === undefined) return found;
  const percent = percentOf(minMemory);
  return { ...found, minMemory: percent === undefined ? { bytes: bytesOf(minMemory) as number } : { percent } };
}

/** The values of a section by the names that the code has for them: `first_slot` is `firstSlot`. */
// biome-ignore lint/suspicious/noExplicitAny: keys.ts has checked what each may be
function section(values: Values, name: string): Record<string, any> {
  const own = Object.entries(values).filter(([key]) => key.startsWith(`${name}.`));
  const plain = (key: string) =>
    key.slice(name.length + 1).replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(own.map(([key, value]) => [plain(key), value]));
}
