// Pools as a daemon could tell of them, the same at each run, for pictures and for looking at them.
import type { PastBuild, Picture, Status } from '../../src/api/schema.ts';
import type { MachineLook } from '../../src/cli/web/contract.ts';
import { buildOf, clientOf, NOON, poolOf } from '../cli/top/pools.ts';

const GIB = 2 ** 30;

/** A moment of a story. */
export interface Moment {
  status: Status;
  machine: MachineLook;
}

export type Story = (second: number) => Moment;

export const pictureOf = ({ builds, ...status }: Status, time: number): Picture => ({
  time,
  ...status,
  builds: builds.map(({ cwd: _, clients: __, ...build }) => build),
});

const wave = (second: number, period: number, phase: number): number =>
  (1 + Math.sin((second / period + phase) * 2 * Math.PI)) / 2;

const machineAt = (second: number, hard: number): MachineLook => ({
  host: 'crane',
  load: 9 + 6 * wave(second, 140, 0.2),
  memory: { total: 32 * GIB, available: (14 - 9 * hard) * GIB },
  pressure: {
    cpu: 8 + 14 * wave(second, 47, 0) + 7 * wave(second, 11, 0.3),
    io: 2 + 5 * wave(second, 83, 0.6) * wave(second, 7, 0),
    memory: 14 * hard * wave(second, 13, 0.1),
  },
});

/** As many as each wants, as far as that is fair. */
function shared(slots: number, wishes: readonly number[]): number[] {
  const has = wishes.map(() => 1);
  for (
    let left = slots - wishes.length, n = 0, idle = 0;
    left > 0 && idle < wishes.length;
    n = (n + 1) % wishes.length
  ) {
    if ((has[n] as number) < (wishes[n] as number)) {
      has[n] = (has[n] as number) + 1;
      left--;
      idle = 0;
    } else idle++;
  }
  return has;
}

/** A workshop of 16 slots in the second before (below 0) or after noon. */
export const workshop: Story = (second) => {
  const slump = second > -150 && second < -95 ? 1 : 0;
  const limit = slump === 1 ? 11 : 16;
  const wants: [Parameters<typeof buildOf>[0], from: number, most: number, phase: number][] = [
    [
      {
        id: 2,
        label: 'emerge webkit-gtk',
        user: 'portage',
        uid: 250,
        class: 'background',
        cwd: '/var/tmp/portage',
        peakMemory: 7.4 * GIB,
      },
      -400,
      6,
      0.1,
    ],
    [{ id: 4, label: 'make linux', cwd: '/home/ada/linux', peakMemory: 1.6 * GIB }, -260, 8, 0.5],
    [
      {
        id: 7,
        label: 'cargo build --release',
        user: 'grace',
        uid: 1001,
        cwd: '/home/grace/ripgrep',
        peakMemory: 3.1 * GIB,
      },
      -190,
      5,
      0.8,
    ],
    [
      { id: 9, label: 'ninja -C build llvm', user: 'grace', uid: 1001, cwd: '/home/grace/llvm', peakMemory: 5.2 * GIB },
      -80,
      6,
      0.3,
    ],
  ];
  const there = wants.filter(([, from]) => second >= from);
  const wishes = there.map(
    ([, , most, phase]) => 1 + Math.round((most - 1) * (0.55 + 0.45 * wave(second, 39 + most, phase))),
  );
  const shares = shared(limit - (second > -60 ? 3 : 0), wishes);
  const builds = there.map(([build, from, most], n) => {
    const [has, wish] = [shares[n] as number, wishes[n] as number];
    return buildOf({
      share: 4.3,
      ...build,
      held: has - 1,
      since: NOON + 1000 * from,
      slotSeconds: (second - from) * most * 0.7,
      waitedSeconds: 3.2 * most,
      peak: most,
      granted: Math.round((second - from) * 1.7),
      clients: Array.from({ length: has }, (_, m) =>
        clientOf({
          pid: 5000 + 100 * build.id + m,
          program: m === 0 ? 'make' : 'cc1plus',
          held: m === 0 ? has - 1 : 0,
          implicit: m === 0 ? 1 : 0,
        }),
      ),
      ...(wish > has && {
        waiting: wish - has,
        reason: `it has ${has} slots, and its share is 4.3; ${n + 1}${['st', 'nd', 'rd', 'th'][n]} in the queue`,
      }),
    });
  });
  if (second > -60) {
    builds.push(
      buildOf({
        id: 12,
        label: 'pytest -n 3',
        since: NOON - 60_000,
        implicit: 3,
        cwd: '/home/ada/parser',
        slotSeconds: 3 * (60 + second),
        peak: 3,
        granted: 3,
        peakMemory: 0.4 * GIB,
        lease: { min: 2, max: 8, wish: 3 },
      }),
      buildOf({
        id: 14,
        label: 'make docs',
        state: 'starting',
        implicit: 0,
        share: 3.2,
        since: NOON - 4000,
        waiting: 1,
        reason: 'all 16 slots are out; 5th in the queue',
      }),
    );
  }
  const limits =
    slump === 1
      ? [
          {
            name: 'memory' as const,
            slots: 11,
            reason: '4.9 GiB of memory left, and jobs that run are expected to need 3.8 GiB more',
          },
        ]
      : [];
  return {
    status: poolOf(builds, { capacity: 16, limit, limits }),
    machine: machineAt(second, slump),
  };
};

/** 200 builds with 2,000 clients on 1,280 slots, every figure another each second. */
export const crowd: Story = (second) => {
  const builds = Array.from({ length: 200 }, (_, n) => {
    const held = Math.abs((n * 7 + second * (1 + (n % 3))) % 9);
    return buildOf({
      id: n + 1,
      label: `make project-${n}`,
      user: `user${n % 7}`,
      held,
      since: NOON - 5000 * n,
      slotSeconds: 100 * n + second,
      peak: 9,
      waiting: (n + second + 1000) % 3,
      ...((n + second + 1000) % 3 > 0 && {
        reason: `it has ${held + 1} slots, and its share is 5.1; ${(n % 90) + 4}th in the queue`,
      }),
      clients: Array.from({ length: 10 }, (_, m) =>
        clientOf({
          pid: 10_000 + n * 10 + m,
          program: m % 2 === 1 ? 'make' : 'cc1plus',
          held: m < held ? 1 : 0,
          waiting: m % 2,
        }),
      ),
    });
  });
  return { status: poolOf(builds, { capacity: 1280 }), machine: machineAt(second, 0) };
};

/** Nobody is there. */
export const nobody: Story = (second) => ({ status: poolOf([], { capacity: 16 }), machine: machineAt(second, 0) });

/** There is no engine. */
export const plain: Story = (second) => ({
  status: poolOf([], { capacity: 16, degraded: 'the engine process was killed by SIGSEGV, 5 times in a row' }),
  machine: machineAt(second, 0),
});

/** The memory is short, and a command has settings of its own. */
export const slump: Story = (second) => {
  const { status, ...rest } = workshop(second - 100);
  return {
    ...rest,
    status: {
      ...status,
      with: [{ id: 1, label: 'emerge webkit-gtk', slots: 11, pid: 4100, user: 'root', uid: 0, since: NOON - 300_000 }],
    },
  };
};

/** What was. */
export const past: PastBuild[] = [
  'make linux',
  'cargo test',
  'ninja',
  'emerge dev-lang/rust',
  'make docs',
  'meson compile',
].map((label, n) => ({
  id: 40 - 2 * n,
  label,
  cwd: '/home/ada',
  kind: 'run',
  user: n % 2 === 0 ? 'ada' : 'grace',
  uid: 1000 + (n % 2),
  since: NOON - 900_000 * (n + 1),
  ended: NOON - 900_000 * (n + 1) + 41_000 * (n + 1),
  ...(n < 5 && { exit: [0, 101, 0, 'KILL', 0][n] as number | string }),
  slotSeconds: 212.4 * (n + 1),
  waitedSeconds: 2.1 * n,
  peak: 4 + n,
  granted: 300 * (n + 1),
  peakMemory: (n + 1) * 0.7 * GIB,
}));

/** The trace of a build: eight lanes, and waits here and there. */
export function traceOf(id: number, label: string): unknown {
  const events: unknown[] = [];
  for (let lane = 0; lane < 8; lane++) {
    for (let at = lane * 900, n = 0; at < 90_000; n++) {
      const length = 400 + ((lane * 7919 + n * 104_729) % 5200);
      const wait = n % 5 === 0 ? 350 : 0;
      const pid = 5000 + 100 * id + ((lane + n) % 8);
      const open = at + length >= 90_000;
      events.push({
        ph: 'X',
        name: `process ${pid}`,
        cat: 'slot',
        pid: 1,
        tid: lane,
        ts: at * 1000,
        dur: Math.min(length, 90_000 - at) * 1000,
        args: { pid, waitedMs: wait, ...(open && { open }) },
      });
      at += length + (n % 5 === 4 ? 420 : 30);
    }
  }
  const otherData = {
    build: id,
    label,
    cwd: '/home/ada/linux',
    user: 'ada',
    origin: new Date(NOON - 90_000).toISOString(),
    missed: 0,
  };
  return { traceEvents: events, displayTimeUnit: 'ms', otherData };
}
