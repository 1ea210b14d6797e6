// Many commands under `stint with`, inside each other and side by side, that end in any order: what counts for each build is at
// every moment what those above it say that still run, and at the end everything is as it was.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Status, WithStatus } from '../../src/api/schema.ts';
import { composed } from '../../src/core/settings.ts';
import { relativesOf } from '../../src/process/proc.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { type Place, STINT, startPool } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const JOBS = 16;
const TREES = 3;
const DEPTH = 3;
const CLASSES = ['interactive', 'normal', 'background'];

/** A command with `depth` levels of `stint with`, each with a `stint run` beside the next level. */
function tree(random: (n: number) => number, depth: number): { script: string; withs: number } {
  if (depth === 0) return { script: ':', withs: 0 };
  const inner = tree(random, depth - 1);
  const options = [
    `--weight ${1 + random(5)}`,
    `--class ${CLASSES[random(3)]}`,
    `--slots ${TREES * DEPTH + random(12)}`,
  ];
  const some = options.filter((_, n) => random(2) === 0 || n === depth % 3).join(' ');
  const own = `"$STINT" run sleep 1000 & ${inner.script} & wait`;
  return { script: `"$STINT" with ${some} -- sh -c '${own.replaceAll("'", "'\\''")}'`, withs: inner.withs + 1 };
}

function isBelow(pid: number, above: number): boolean {
  for (let at = pid; at > 1; at = relativesOf(at)?.ppid ?? 0) if (at === above) return true;
  return false;
}

async function endInAnyOrder(place: Place, random: (n: number) => number): Promise<void> {
  const trees = Array.from({ length: TREES }, () => tree(random, DEPTH));
  const started = trees.map(({ script }) => place.spawn('sh', ['-c', script], { env: { STINT }, deadline: 200_000 }));
  const all = TREES * DEPTH;
  const first = await place.untilStatus(
    (status) => status.with.length === all && status.builds.filter((one) => one.state === 'running').length === all,
    60_000,
  );
  const above = new Map(
    first.builds.map(({ id, rootPid }) => [
      id,
      first.with.filter((one) => isBelow(rootPid, one.pid)).map(({ id }) => id),
    ]),
  );
  assert.deepEqual([...above.values()].map((ids) => ids.length).sort(), [1, 1, 1, 2, 2, 2, 3, 3, 3]);
  const base = { slots: JOBS, weight: 1, class: 'normal' as const };
  const check = (status: Status) => {
    assert.equal(
      status.capacity,
      composed(
        base,
        status.with.map(({ slots }) => ({ slots })),
      ).slots,
    );
    for (const { id, weight, class: of } of status.builds) {
      const lent = status.with.filter((one: WithStatus) => above.get(id)?.includes(one.id));
      const expected = composed(base, lent);
      assert.deepEqual([weight, of], [expected.weight, expected.class], `build ${id}`);
    }
  };
  check(first);
  const left = [...first.with];
  while (left.length > 0) {
    const [gone] = left.splice(random(left.length), 1);
    process.kill(gone?.pid as number, random(2) === 0 ? 'SIGKILL' : 'SIGTERM');
    check(await place.untilStatus((status) => status.with.length === left.length, 60_000));
  }
  for (const { rootPid } of first.builds) process.kill(rootPid, 'SIGKILL');
  for (const one of started) one.killAll('SIGKILL');
}

test(`from a user's pool, seed ${SEED}`, async (t: TestContext) => {
  const pool = await startPool(t, JOBS);
  await endInAnyOrder(pool, seeded(SEED));
  await pool.stop();
});

test(`from the machine's pool, seed ${SEED}`, { skip: noMachine() ?? false }, async (t: TestContext) => {
  const machine = await startMachine(t, JOBS);
  await endInAnyOrder(machine, seeded(SEED));
  await machine.stop();
});

test("while nothing else happens in the machine's pool its size is back at once, too", {
  skip: noMachine() ?? false,
}, async (t) => {
  const machine = await startMachine(t, 4);
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const command = machine.start(['with', '--slots', '2', '--', 'sleep', '1000']);
    await machine.untilStatus((status) => status.capacity === 2);
    command.kill(signal);
    await machine.untilStatus((status) => status.capacity === 4 && status.with.length === 0);
  }
  await machine.stop();
});
