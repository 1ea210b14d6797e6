// Where on the page one is, as the address says after its `#`: `/`, `/history`, `/build/12`, or `/build/12/1795478602988` for one of the past,
// which ended then: numbers are given again by the next daemon.
import { useEffect, useState } from 'preact/hooks';

export type Place = { view: 'builds' } | { view: 'history' } | { view: 'build'; id: number; ended?: number };

export const addressOf = (id: number, ended?: number): string =>
  `#/build/${id}${ended === undefined ? '' : `/${ended}`}`;

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const moved = () => setPlace(placeOf(location.hash));
    window.addEventListener('hashchange', moved);
    return () => window.removeEventListener('hashchange', moved);
  }, []);
  return place;
}

function placeOf(hash: string): Place {
  const [, id, ended] = /^#\/build\/(\d{1,15})(?:\/(\d{1,15}))?$/.exec(hash) ?? [];
  if (id !== undefined) return { view: 'build', id: Number(id), ...(ended !== undefined && { ended: Number(ended) }) };
  return { view: hash === '#/history' ? 'history' : 'builds' };
}
