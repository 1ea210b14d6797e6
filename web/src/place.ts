// Where on the page one is, as the address says after its `#`: `/`, `/history` or `/build/12`.
import { useEffect, useState } from 'preact/hooks';

export type Place = { view: 'builds' } | { view: 'history' } | { view: 'build'; id: number };

export const addressOf = (id: number): string => `#/build/${id}`;

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
  const id = /^#\/build\/(\d{1,15})$/.exec(hash)?.[1];
  if (id !== undefined) return { view: 'build', id: Number(id) };
  return { view: hash === '#/history' ? 'history' : 'builds' };
}
