// The picture of the pool for whoever looks on: every second, and nothing while nobody does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildStatus, Picture, Status } from '../../src/api/schema.ts';
import { Live } from '../../src/daemon/live.ts';

const build = { id: 1, label: 'make', cwd: '/home/ada', clients: [], held: 2 } as unknown as BuildStatus;
const status = { capacity: 8, builds: [build] } as unknown as Status;
/** Lets what has been promised happen. */
const settle = () => new Promise(setImmediate);

test('each who looks on is told at once and every second, and the pool is not asked while nobody does', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: 1_795_478_604_000 });
  let asked = 0;
  const live = new Live(async () => {
    asked++;
    return status;
  });
  t.mock.timers.tick(10_000);
  assert.equal(asked, 0);
  const [one, other]: [Picture[], Picture[]] = [[], []];
  const leave = live.watch((picture) => one.push(picture));
  await settle();
  const { cwd: _, clients: __, ...short } = build;
  assert.deepEqual(one, [{ time: 1_795_478_614_000, capacity: 8, builds: [short] }]);
  const leaveToo = live.watch((picture) => other.push(picture));
  for (let n = 0; n < 3; n++) {
    t.mock.timers.tick(1000);
    await settle();
  }
  assert.deepEqual([one.length, other.length, asked], [4, 4, 5], 'both are told of the same question');
  leave();
  t.mock.timers.tick(1000);
  await settle();
  assert.deepEqual([one.length, other.length], [4, 5]);
  leaveToo();
  t.mock.timers.tick(10_000);
  await settle();
  assert.equal(asked, 6);
});

test('a picture that comes after one has left is not told', async () => {
  const live = new Live(async () => status);
  const leave = live.watch(() => assert.fail('it has left'));
  leave();
  await settle();
});
