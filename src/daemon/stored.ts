// What `stint set` has said, as a file that outlives the daemon. What cannot be read there is noted once, and counts for nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reason } from '../errors.ts';
import type { Value, Values } from '../process/config/keys.ts';
import { complaintOf } from '../process/config/words.ts';
import { keep } from './keep.ts';

export class StoredSettings {
  readonly path: string;
  readonly #note: (line: string) => void;

  /** `state`: the folder; it is made when something is written. */
  constructor(state: string, note: (line: string) => void) {
    this.path = join(state, 'settings.json');
    this.#note = note;
  }

  read(): Values {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#note(`cannot read ${this.path}: ${reason(error)}`);
      return {};
    }
    const all = settingsOf(text);
    if (all === undefined) {
      this.#note(`what ${this.path} holds is not what was written there: nothing counts as set`);
      return {};
    }
    const good = all.filter(([key, value]) => complaintOf(key, value) === undefined);
    const [bad] = all.filter(([key, value]) => complaintOf(key, value) !== undefined);
    if (bad !== undefined) this.#note(`${this.path}: ${complaintOf(...bad)?.message}; it does not count`);
    return Object.fromEntries(good) as Record<string, Value>;
  }

  /** @throws Error */
  write(settings: Values): void {
    keep(this.path, `${JSON.stringify({ settings }, undefined, 2)}\n`, { flush: true });
  }
}

function settingsOf(text: string): [string, unknown][] | undefined {
  try {
    const { settings } = JSON.parse(text) as { settings: unknown };
    return typeof settings === 'object' && settings !== null && !Array.isArray(settings)
      ? Object.entries(settings)
      : undefined;
  } catch {
    return undefined;
  }
}
