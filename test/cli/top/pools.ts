// Pools as a daemon could tell of them, for pictures that do not change.
import type { BuildStatus, ClientStatus, Status } from '../../../src/api/schema.ts';
import { heard, newView, type View } from '../../../src/cli/top/view.ts';

/** Noon of some day, Unix time in milliseconds. */
export const NOON = Date.UTC(2026, 10, 25, 12, 0, 0);

export function buildOf(build: Partial<BuildStatus> & Pick<BuildStatus, 'id' | 'label'>): BuildStatus {
  return {
    cwd: '/home/ada',
    rootPid: 4000 + build.id,
    user: 'ada',
    uid: 1000,
    kind: 'run',
    since: NOON - 192_000 * build.id,
    weight: 1,
    class: 'normal',
    share: 4,
    state: 'running',
    held: 0,
    implicit: 1,
    offered: 0,
    waiting: 0,
    stranded: 0,
    surplus: 0,
    slotSeconds: 0,
    waitedSeconds: 0,
    peak: 1,
    granted: 1,
    ...build,
  };
}

export const clientOf = (client: Partial<ClientStatus> & Pick<ClientStatus, 'pid' | 'program'>): ClientStatus => ({
  node: 'file',
  held: 0,
  offered: 0,
  waiting: 0,
  implicit: 0,
  opens: 1,
  ...client,
});

export function poolOf(builds: BuildStatus[], more: Partial<Status> = {}): Status {
  const { capacity = 32, limit = capacity } = more;
  const sum = (of: (build: BuildStatus) => number) => builds.reduce((total, build) => total + of(build), 0);
  const used = sum(({ implicit, held }) => implicit + held);
  return {
    daemon: {
      restarts: 0,
      version: '0.1.0',
      pid: 812,
      since: NOON - 11_520_000,
      socket: '/run/stint/api.sock',
      mode: 'system',
    },
    pids: { keeper: 812, engine: 813 },
    limits: [],
    free: capacity - used,
    waiting: sum(({ waiting }) => waiting),
    reserved: sum(({ offered }) => offered),
    overcommit: Math.max(0, used - capacity),
    surplus: 0,
    with: [],
    builds,
    ...more,
    capacity,
    limit,
  };
}

/** A machine with all sorts of builds. */
export function busyPool(): Status {
  return poolOf(
    [
      buildOf({
        id: 1,
        label: 'make linux',
        held: 9,
        share: 10.7,
        waiting: 1,
        reason: 'it has 10 slots, and its share is 10.7; 2nd in the queue',
        slotSeconds: 5120,
        peakMemory: 3.4 * 2 ** 30,
        clients: [
          clientOf({ pid: 4731, program: 'make', held: 6, implicit: 1 }),
          clientOf({ pid: 4802, program: 'make', held: 2, waiting: 1 }),
          clientOf({ pid: 4877, program: 'ninja', node: 'split', held: 1, offered: 1 }),
        ],
        offered: 1,
      }),
      buildOf({
        id: 2,
        label: 'dev-qt/qtwebengine-6.8.1',
        user: 'portage',
        uid: 250,
        kind: 'scope',
        held: 5,
        implicit: 2,
        share: 10.7,
        class: 'background',
        slotSeconds: 91_300,
        peakMemory: 11.2 * 2 ** 30,
        clients: [],
      }),
      buildOf({
        id: 4,
        label: 'pytest parser',
        user: 'bo',
        uid: 1001,
        implicit: 6,
        lease: { min: 2, max: 8, wish: 4 },
        weight: 2,
        slotSeconds: 402,
        peakMemory: 640 * 2 ** 20,
        clients: [],
      }),
      buildOf({
        id: 7,
        label: '编译 browser\u001b[31m\u202e🦊',
        held: 2,
        share: 3.6,
        slotSeconds: 77,
        peakMemory: 212 * 2 ** 20,
        clients: [],
      }),
      buildOf({
        id: 9,
        label: 'cargo build ripgrep',
        user: 'bo',
        uid: 1001,
        implicit: 0,
        share: 3.6,
        waiting: 1,
        state: 'starting',
        reason: '29 of 32 slots may be out now: 2.1 GiB are available; 1st in the queue',
        since: NOON - 4000,
        clients: [],
      }),
    ],
    {
      limit: 29,
      limits: [{ name: 'memory', slots: 29, reason: '2.1 GiB are available, and builds may still grow by 1.8 GiB' }],
    },
  );
}

/** A view that has looked once a second for a minute, while builds used what `of` says at each second. */
export function viewOf(status: Status, of: (build: BuildStatus, second: number) => number = wave): View {
  const view = newView(NOON);
  for (let second = -59; second <= 0; second++) {
    const builds = status.builds
      .filter(({ since }) => since <= NOON + second * 1000)
      .map((build) => ({ ...build, ...(second < 0 && { implicit: 0, held: of(build, second) }) }));
    heard(view, { ...status, builds }, NOON + second * 1000);
  }
  return view;
}

/** Something that moves, and ends at what the build uses. */
const wave = ({ id, held, implicit }: BuildStatus, second: number): number =>
  Math.max(0, Math.round((held + implicit) * (0.55 + 0.45 * Math.cos((second * (id + 2)) / 25))));
