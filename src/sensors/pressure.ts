// Pressure stall information: the share of time in which some task had to wait for a processor, a disk or memory. Taken from
// the totals, as the kernel's own averages follow too slowly.
import { textOf } from './text.ts';

export const RESOURCES = ['cpu', 'io', 'memory'] as const;
export type Resource = (typeof RESOURCES)[number];

/** Two looks that are closer than this tell little, milliseconds. */
const APART = 400;

interface Look {
  /** Microseconds stalled since boot. */
  total: number;
  at: number;
  /** The answer of that look. */
  percent: number | undefined;
}

export class Pressure {
  readonly #root: string;
  readonly #last = new Map<Resource, Look>();

  constructor(root: string = '/proc') {
    this.#root = root;
  }

  /** Percent since the last look, of which there must have been one; undefined also where the kernel does not say. `now`: milliseconds. */
  percent(resource: Resource, now: number): number | undefined {
    const last = this.#last.get(resource);
    if (last !== undefined && now - last.at < APART) return last.percent;
    const total = stalled(this.#root, resource);
    if (total === undefined) return undefined;
    const percent =
      last === undefined ? undefined : Math.min(100, Math.max(0, (total - last.total) / (10 * (now - last.at))));
    this.#last.set(resource, { total, at: now, percent });
    return percent;
  }

  /** Forgets the last look: it was too long ago. */
  restart(): void {
    this.#last.clear();
  }
}

/** some avg10=0.00 avg60=0.00 avg300=0.00 total=0 (kernel: accounting/psi.rst) */
function stalled(root: string, resource: Resource): number | undefined {
  const total = /^some .*\btotal=(\d+)/.exec(textOf(`${root}/pressure/${resource}`) ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}
