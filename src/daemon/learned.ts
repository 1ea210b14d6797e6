// What was learned of the builds' memory, as a file that outlives the daemon. A file that is bad or cannot be written costs
// what was learned, never a build: it is noted once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Learned, MAX_LEARNED, MAX_NAME } from '../core/memory.ts';
import { reason } from '../errors.ts';
import { keep } from './keep.ts';

/** No job needs more: a petabyte. */
const MAX_BYTES = 2 ** 50;

export class LearnedFile {
  readonly #path: string;
  readonly #note: (line: string) => void;
  #failed = false;

  /** `state`: the folder; it is made when something is written. */
  constructor(state: string, note: (line: string) => void) {
    this.#path = join(state, 'memory.json');
    this.#note = note;
  }

  read(): Learned[] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#note(`cannot read ${this.#path}: ${reason(error)}`);
      return [];
    }
    try {
      const { learned } = JSON.parse(text) as { learned: unknown };
      if (Array.isArray(learned) && learned.every(isLearned)) return learned.slice(-MAX_LEARNED);
    } catch {
      // It says the same.
    }
    this.#note(`what ${this.#path} holds is not what was written there: what builds need of memory is learned anew`);
    return [];
  }

  write(learned: readonly Learned[]): void {
    try {
      keep(this.#path, `${JSON.stringify({ learned })}\n`);
    } catch (error) {
      if (!this.#failed) this.#note(`cannot write ${this.#path}: ${reason(error)}`);
      this.#failed = true;
    }
  }
}

function isLearned(one: unknown): one is Learned {
  if (typeof one !== 'object' || one === null) return false;
  const { program, label, bytes } = one as Record<string, unknown>;
  return (
    isName(program) && isName(label) && Number.isSafeInteger(bytes) && Number(bytes) > 0 && Number(bytes) < MAX_BYTES
  );
}

const isName = (name: unknown): boolean => typeof name === 'string' && name.length <= MAX_NAME;
