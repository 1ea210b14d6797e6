// What the page is told, and what it makes of it: the newest picture, the last minutes, and whether anybody answers.
import type { GoneEvent, PictureEvent } from '../../src/cli/web/contract.ts';
import { Palette } from './palette.ts';
import { added, hole, type Tick, tickOf } from './past.ts';

export interface Feed {
  /** The newest; undefined: there was none yet. */
  now: PictureEvent | undefined;
  ticks: readonly Tick[];
  palette: Palette;
  /** `silent`: `stint web` itself does not answer; `ended`: it refuses us, as it was started anew. */
  state: 'connecting' | 'live' | 'gone' | 'silent' | 'ended';
  /** Why the daemon is gone. */
  reason: string;
}

/** Calls `changed` with each new state, until what it returns is called. */
export function listen(changed: (feed: Feed) => void): () => void {
  let feed: Feed = { now: undefined, ticks: [], palette: new Palette(), state: 'connecting', reason: '' };
  let frame: number | undefined;
  // Once a frame at most, and not at all while nobody sees the page.
  const set = (change: Partial<Feed>) => {
    feed = { ...feed, ...change };
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      changed(feed);
    });
  };
  const lost = (change: Pick<Feed, 'state'> & Partial<Feed>) => {
    const last = feed.ticks.at(-1);
    set({ ...change, ticks: last?.used === undefined ? feed.ticks : added(feed.ticks, hole(last)) });
  };
  const source = new EventSource('/live');
  source.addEventListener('picture', ({ data }) => {
    const now = JSON.parse(data) as PictureEvent;
    const { palette } = feed;
    palette.assign(now.pool.builds);
    set({ now, ticks: added(feed.ticks, tickOf(now, palette)), state: 'live' });
  });
  source.addEventListener('gone', ({ data }) =>
    lost({ state: 'gone', reason: (JSON.parse(data) as GoneEvent).reason }),
  );
  source.addEventListener('error', () =>
    lost({ state: source.readyState === EventSource.CLOSED ? 'ended' : 'silent' }),
  );
  return () => {
    source.close();
    if (frame !== undefined) cancelAnimationFrame(frame);
  };
}
