// Which build has which colour. A build keeps its colour as long as it is there; those that find none are 'others' until one
// is free, the largest first.
import type { PictureBuild } from '../../src/api/schema.ts';

/** Colours that there are; the number after the last stands for all other builds together. */
export const OTHERS = 8;

export const usedBy = ({ held, implicit }: Pick<PictureBuild, 'held' | 'implicit'>): number => held + implicit;

/** The CSS of a colour. */
export const colour = (number: number): string => `var(--c${number})`;

export class Palette {
  /** The builds that have the colours. */
  readonly #owners = new Map<number, number>();
  /** Colours that nobody has, the one that was free for longest first. */
  readonly #free = Array.from({ length: OTHERS }, (_, n) => n);

  /** Who is there now. */
  assign(builds: readonly PictureBuild[]): void {
    const there = new Set(builds.map(({ id }) => id));
    for (const [id, number] of this.#owners) {
      if (there.has(id)) continue;
      this.#owners.delete(id);
      this.#free.push(number);
    }
    if (this.#free.length === 0) return;
    const without = builds.filter(({ id }) => !this.#owners.has(id));
    without.sort((one, other) => usedBy(other) - usedBy(one) || one.id - other.id);
    for (const { id } of without.slice(0, this.#free.length)) this.#owners.set(id, this.#free.shift() as number);
  }

  of(id: number): number {
    return this.#owners.get(id) ?? OTHERS;
  }
}
