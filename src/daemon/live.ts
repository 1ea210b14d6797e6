// The picture of the pool as it changes, for whoever looks on. While nobody does it has no timer and asks the engine nothing.
import type { LivePool } from '../api/live-route.ts';
import type { Picture, Status } from '../api/schema.ts';

/** Between two pictures, milliseconds. */
const PERIOD = 1000;

type Listener = (picture: Picture) => void;

export class Live implements LivePool {
  readonly #status: () => Promise<Status>;
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;

  constructor(status: () => Promise<Status>) {
    this.#status = status;
  }

  watch(listener: Listener): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => void this.#tell(this.#listeners), PERIOD);
    void this.#tell([listener]);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  async #tell(listeners: Iterable<Listener>): Promise<void> {
    try {
      const picture = pictureOf(await this.#status(), Date.now());
      for (const listener of listeners) if (this.#listeners.has(listener)) listener(picture);
    } catch {
      // The engine is gone, and the daemon leaves: that closes the connections.
    }
  }
}

/** The status without what is long. */
function pictureOf({ builds, ...status }: Status, time: number): Picture {
  return { time, ...status, builds: builds.map(({ cwd: _, clients: __, ...build }) => build) };
}
