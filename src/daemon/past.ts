// What the API tells of the past: of builds that are over, and of what those that are there have done so far.
import type { PastPool } from '../api/past-routes.ts';
import type { PastBuild, Status } from '../api/schema.ts';
import { seen, type Viewer } from '../api/seen.ts';
import { metricsOf } from '../observe/metrics.ts';
import type { Recorder } from '../observe/recorder.ts';
import type { Timeline } from '../observe/timeline.ts';
import { type Trace, type TraceHead, traceOf } from '../observe/trace.ts';

/** What it needs of the builds that are there. */
interface Present {
  status(): Promise<Status>;
  /** What a build is called. */
  head(id: number): TraceHead | undefined;
}

export class Past implements PastPool {
  readonly #present: Present;
  readonly #recorder: Recorder;

  constructor(present: Present, recorder: Recorder) {
    this.#present = present;
    this.#recorder = recorder;
  }

  past(query: Parameters<PastPool['past']>[0]): PastBuild[] {
    return this.#recorder.list(query);
  }

  trace(id: number, viewer: Viewer, ended: number | undefined): Trace | undefined {
    const head = ended === undefined ? this.#present.head(id) : undefined;
    if (head !== undefined) return traced(seen(head, viewer), this.#recorder.timeline(id), Date.now());
    const past = this.#recorder.find(id, ended);
    return past && traced(seen({ ...past.build, build: id }, viewer), past.timeline, past.build.ended);
  }

  async metrics(): Promise<string> {
    const status = await this.#present.status();
    this.#recorder.read();
    const { version, since } = status.daemon;
    return metricsOf({ ...status, version, since }, this.#recorder.totals, process.memoryUsage.rss());
  }
}

function traced(
  { build, label, cwd, user, uid, exit }: TraceHead,
  timeline: Timeline | undefined,
  until: number,
): Trace | undefined {
  return timeline && traceOf({ build, label, cwd, user, uid, ...(exit !== undefined && { exit }) }, timeline, until);
}
