// Looking processes up takes a while, and one user may have thousands that ask at once. A few of each user's are looked up at a time: the
// others of that user wait, and nobody else does.

/** Of one user at a time. */
const MOST = 16;

interface Line {
  /** How many of this user's are under way. */
  running: number;
  readonly waiting: (() => void)[];
}

export class Turns {
  readonly #lines = new Map<number, Line>();

  /** Does `task` when it is the user's turn. */
  async take<T>(uid: number, task: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(uid) ?? { running: 0, waiting: [] };
    this.#lines.set(uid, line);
    if (line.running === MOST) await new Promise<void>((turn) => line.waiting.push(turn));
    else line.running++;
    try {
      return await task();
    } finally {
      const next = line.waiting.shift();
      if (next !== undefined) next();
      else if (--line.running === 0) this.#lines.delete(uid);
    }
  }
}
