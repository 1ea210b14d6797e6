// What `stint top` knows and what its user chose: plain data, from which the picture is made. It asks nobody and draws nothing.
import type { BuildStatus, Status } from '../../api/schema.ts';

/** Milliseconds that the curves go back. */
export const PAST = 60_000;

/** What the builds can be sorted by; `came`: the order of the status. */
export const ORDERS = ['came', 'slots', 'waiting', 'share', 'time', 'work', 'memory', 'user', 'label'] as const;
export type Order = (typeof ORDERS)[number];

/** Something that is being typed or answered in the last row. */
export type Prompt =
  | { ask: 'filter'; text: string }
  | { ask: 'weight'; id: number; text: string }
  | { ask: 'class' | 'reclaim'; id: number };

/** How many slots a build used, as it was seen at some moments, oldest first. */
export type Samples = { at: number; slots: number }[];

export interface View {
  /** What the daemon last said. */
  status: Status | undefined;
  /** Why there is nothing newer. */
  trouble: string | undefined;
  /** Unix time in milliseconds. */
  now: number;
  order: Order;
  reversed: boolean;
  /** Only builds with this in them are shown; '' for all. */
  filter: string;
  /** The build that keys are about, as long as it is there. */
  selected: number | undefined;
  /** Builds of which the processes are shown. */
  readonly expanded: Set<number>;
  /** The first row of the table that is shown, and how many there were room for. */
  scroll: number;
  room: number;
  prompt: Prompt | undefined;
  /** What became of the last change. */
  message: string | undefined;
  help: boolean;
  readonly past: Map<number, Samples>;
}

export const newView = (now: number): View => ({
  status: undefined,
  trouble: undefined,
  now,
  order: 'came',
  reversed: false,
  filter: '',
  selected: undefined,
  expanded: new Set(),
  scroll: 0,
  room: 10,
  prompt: undefined,
  message: undefined,
  help: false,
  past: new Map(),
});

/** Slots that a build uses. */
export const usedBy = ({ implicit, held }: BuildStatus): number => implicit + held;

/** Takes in what the daemon says at `now`. */
export function heard(view: View, status: Status, now: number): void {
  const { daemon } = view.status ?? {};
  if (daemon?.since !== status.daemon.since || daemon.pid !== status.daemon.pid) {
    view.past.clear(); // another daemon: its numbers are other builds
    view.expanded.clear();
  }
  view.status = status;
  view.trouble = undefined;
  view.now = now;
  const there = new Set(status.builds.map(({ id }) => id));
  for (const set of [view.past, view.expanded]) for (const id of set.keys()) if (!there.has(id)) set.delete(id);
  for (const build of status.builds) {
    const samples = view.past.get(build.id) ?? [];
    samples.push({ at: now, slots: usedBy(build) });
    while ((samples[0]?.at ?? now) < now - PAST) samples.shift();
    view.past.set(build.id, samples);
  }
}

/** The builds that are shown, in order. */
export function shownBuilds({ status, filter, order, reversed }: View): BuildStatus[] {
  const wanted = filter.toLowerCase();
  const builds = (status?.builds ?? []).filter((build) => wanted === '' || wordsOf(build).includes(wanted));
  if (order !== 'came') builds.sort((a, b) => compare(order, a, b) || a.id - b.id);
  return reversed ? builds.reverse() : builds;
}

/** The build that keys are about: the first, as long as nobody chose. */
export function selectedBuild(view: View): BuildStatus | undefined {
  const builds = shownBuilds(view);
  return builds.find(({ id }) => id === view.selected) ?? builds[0];
}

const wordsOf = ({ id, label, user, class: of, state, clients = [] }: BuildStatus): string =>
  [id, label, user, of, state, ...clients.map(({ program }) => program)].join('\n').toLowerCase();

/** Most first, but words by the alphabet. */
function compare(order: Order, a: BuildStatus, b: BuildStatus): number {
  if (order === 'user' || order === 'label') return a[order] < b[order] ? -1 : a[order] > b[order] ? 1 : 0;
  return figure(order, b) - figure(order, a);
}

function figure(order: Order, build: BuildStatus): number {
  switch (order) {
    case 'slots':
      return usedBy(build);
    case 'waiting':
      return build.waiting;
    case 'share':
      return build.share;
    case 'time':
      return -build.since;
    case 'work':
      return build.slotSeconds;
    case 'memory':
      return build.peakMemory ?? 0;
    default:
      return 0;
  }
}
