// What an open page is told in events, besides what the API answers. The page itself stands in web/.
import type { Picture } from '../../api/schema.ts';

/** The event `picture`, once a second. */
export interface PictureEvent {
  pool: Picture;
  machine: MachineLook;
}

/** The event `gone`: there is no daemon at this moment. */
export interface GoneEvent {
  reason: string;
}

/** What the machine says of itself. */
export interface MachineLook {
  host: string;
  /** The load average of the last minute. */
  load: number;
  /** Bytes; missing where the kernel does not say. */
  memory?: { total: number; available: number };
  /** Percent of the time since the last look in which something waited; missing where it is not known. */
  pressure: { cpu?: number; io?: number; memory?: number };
}
