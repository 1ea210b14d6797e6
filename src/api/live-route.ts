// The call that shows the pool as it changes.
import type { Route } from './call.ts';
import type { Picture } from './schema.ts';
import { seenWiths } from './seen.ts';

/** What the API needs of the daemon for that. */
export interface LivePool {
  /** Calls `listener` with the picture of this moment, then every second with a new one, until what it returned is called. */
  watch(listener: (picture: Picture) => void): () => void;
}

export const liveRoute = (live: LivePool): Route => ({
  method: 'GET',
  path: '/live',
  events: ({ gone, peer }, send) =>
    gone.addEventListener(
      'abort',
      live.watch((picture) => send('picture', { ...picture, with: seenWiths(picture.with, peer.uid) })),
    ),
});
