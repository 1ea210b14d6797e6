// Everything at once, at random: builds that come, wait, are given up, run and die; clients that take, return
// and vanish with what they hold; a pool that changes its size; snapshots in between. The engine audits its ledger at each
// mutation; here the figures are held against what the clients really did. STINT_SEED repeats a run.
import assert from 'node:assert/strict';
import { closeSync, constants, openSync } from 'node:fs';
import { test } from 'node:test';
import { giveBack, type TestBuild, TestEngine, take } from '../helpers/engine.ts';
import { seeded } from '../helpers/random.ts';
import { until } from '../helpers/until.ts';

const STEPS = Number(process.env.STINT_STEPS ?? 6000);
const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);

/** A build together with what the test, as its only client, has of it. */
interface Played {
  build: TestBuild;
  fd: number;
  /** Taken and neither returned nor lost. */
  taken: number;
  /** Taken by clients that are gone. */
  lost: number;
}

test(`${STEPS} random steps leave the ledger with the truth, seed ${SEED}`, { timeout: 600_000 }, async (t) => {
  t.diagnostic(`seed ${SEED}`);
  const random = seeded(SEED);
  const engine = new TestEngine(t, 4);
  const played: Played[] = [];
  const waiting: TestBuild[] = [];

  const adopt = () => {
    for (const build of waiting.splice(0)) {
      if (build.fifo === undefined) waiting.push(build);
      else {
        const fd = openSync(build.fifo, constants.O_RDWR | constants.O_NONBLOCK);
        played.push({ build, fd, taken: 0, lost: 0 });
      }
    }
  };
  const kill = async (one: Played) => {
    played.splice(played.indexOf(one), 1);
    closeSync(one.fd);
    await engine.end(one.build);
  };
  const act = async (): Promise<void> => {
    const one = played[random(Math.max(1, played.length))];
    const what = random(100);
    if (what < 6 && played.length + waiting.length < 8) waiting.push(engine.open(random(3) === 0 ? 0 : 1));
    else if (what < 8 && waiting[0] !== undefined) engine.handle.cancel(waiting[0].id);
    else if (what < 10) engine.handle.setCapacity(1 + random(8));
    else if (one === undefined) return;
    else if (what < 50) one.taken += take(one.fd, 1 + random(3));
    else if (what < 88 && one.taken > 0) {
      const count = 1 + random(one.taken);
      one.taken -= count;
      giveBack(one.fd, count);
    } else if (what < 90) {
      // A new client of the same build takes over, and what the old one held is gone with it.
      const fd = openSync(one.build.fifo as string, constants.O_RDWR | constants.O_NONBLOCK);
      closeSync(one.fd);
      one.fd = fd;
      one.lost += one.taken;
      one.taken = 0;
    } else if (what < 93) await kill(one);
    else if (what < 95) await new Promise((resolve) => setTimeout(resolve, random(4)));
  };
  const check = async () => {
    const { capacity, builds } = await engine.snapshot();
    adopt();
    let out = 0;
    for (const figures of builds) {
      out += figures.implicit + figures.held + figures.offered;
      const one = played.find(({ build }) => build.id === figures.id);
      if (one !== undefined) assert.equal(figures.held, one.taken + one.lost, `build ${figures.id} at step ${step}`);
    }
    for (const { build } of played)
      assert.ok(
        builds.some(({ id }) => id === build.id),
        `build ${build.id} is known`,
      );
    return { capacity, out };
  };

  let step = 0;
  for (; step < STEPS; step++) {
    await act();
    if (random(10) === 0) await check();
  }
  engine.handle.setCapacity(8);
  for (const one of [...played]) await kill(one);
  await until(
    'all that waited has started',
    () => {
      adopt();
      return waiting.every(({ fifo, ended }) => fifo !== undefined || ended) || undefined;
    },
    300,
  ).catch(() => {}); // cancelled ones never start
  for (const build of engine.builds.values()) build.root.kill('SIGKILL');
  for (const { fd } of played) closeSync(fd);
  await until('every slot is back', async () => (await engine.snapshot()).builds.length === 0);
  assert.deepEqual(engine.failures, []);
});
