// The calls that change how the pool is shared, one line each, and the check of what comes in.
import { type Call, HttpError, mayChange, type Peer, type Route, whoMay } from './call.ts';
import { label, numberFrom, objectOf, oneOf, wholeNumber } from './checks.ts';
import { type Capacity, MAX_CAPACITY, type OpenWith, type SettingList, type WithOpened } from './schema.ts';

/** What the API needs of the daemon for settings. */
export interface SettingsPool {
  /** What counts now. */
  settings(): SettingList['settings'];
  /** Sets keys, or with null lets them go. @throws HttpError 400, 500 */
  change(changes: Readonly<Record<string, unknown>>, options: { lasting: boolean }): void;
  /** Lends settings as long as the caller lives. @throws HttpError */
  openWith(request: OpenWith, caller: Peer): Promise<WithOpened>;
}

/** @param group whose members may change the pool, beside root and the daemon's own user */
export function settingsRoutes(pool: SettingsPool, group?: number): readonly Route[] {
  return [
    { method: 'GET', path: '/settings', answer: (): SettingList => ({ settings: pool.settings() }) },
    { method: 'PUT', path: '/settings', answer: (call) => put(pool, call, group) },
    { method: 'PUT', path: '/capacity', answer: (call) => setCapacity(pool, call, group) },
    { method: 'POST', path: '/with', answer: ({ body, peer }) => pool.openWith(parseWith(body), peer) },
  ];
}

function put(pool: SettingsPool, { peer, body }: Call, group: number | undefined): SettingList {
  if (!mayChange(peer, group)) throw new HttpError(403, whoMay(peer, group));
  pool.change(objectOf(body), { lasting: true });
  return { settings: pool.settings() };
}

function setCapacity(pool: SettingsPool, { peer, body }: Call, group: number | undefined): Capacity {
  if (!mayChange(peer, group)) throw new HttpError(403, whoMay(peer, group));
  const slots = wholeNumber('slots', objectOf(body).slots, { min: 1, max: MAX_CAPACITY });
  pool.change({ jobs: slots }, { lasting: false });
  return { slots };
}

function parseWith(body: unknown): OpenWith {
  const given = objectOf(body);
  const { slots, class: of, weight } = given;
  if (slots === undefined && of === undefined && weight === undefined)
    throw new HttpError(400, 'one of slots, class and weight must be given');
  return {
    label: label(given),
    ...(slots !== undefined && { slots: wholeNumber('slots', slots, { min: 1, max: MAX_CAPACITY }) }),
    ...(of !== undefined && { class: oneOf('class', of, ['interactive', 'normal', 'background']) }),
    ...(weight !== undefined && { weight: numberFrom('weight', weight, { min: 0.01, max: 1000 }) }),
  };
}
