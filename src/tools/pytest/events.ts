// What a run tells of itself while it goes on, a line of JSON each: first `stint pytest-start`, then the plugin in pytest.
import type { Readable } from 'node:stream';

interface At {
  /** Seconds since 1970. */
  at: number;
}

/** The slots are there, and pytest is about to begin. */
export interface Begun extends At {
  what: 'begun';
  slots: number;
  /** The number of the lease, if there is one. */
  lease: number | undefined;
  /** The arguments of the interpreter. */
  args: readonly string[];
}

/** One step of one test; of those before and after the test itself only what did not pass. */
export interface Step extends At {
  what: 'test';
  id: string;
  when: 'setup' | 'call' | 'teardown';
  outcome: 'passed' | 'failed' | 'skipped' | 'rerun';
  seconds: number;
  /** The worker that it ran in. */
  worker: string | null;
  /** File and line, from 0. */
  location: [string, number | null];
  /** The end of what pytest says of it, unless it passed. */
  reason: string | null;
  /** A fixture that nobody provides. */
  missing: string | null;
  /** It was skipped, or failed, because nothing that is loaded runs coroutines. */
  unawaited: boolean;
}

export type Event =
  | Begun
  | Step
  | (At & { what: 'collected'; count: number })
  | (At & { what: 'broken'; id: string; text: string })
  | (At & { what: 'worker'; worker: string; up: boolean })
  | (At & { what: 'finished'; status: number });

/** Calls `take` with each event, and returns when there will be no more. What is no event is left out. */
export async function readEvents(stream: Readable, take: (event: Event) => void): Promise<void> {
  let rest = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) {
      try {
        take(JSON.parse(line) as Event);
      } catch {
        // Cut off, or written by somebody who found the descriptor.
      }
    }
  }
}
