// A build in a control group with a limit is kept within that, on the real hierarchy; others are not.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { into, newGroup, noGroups } from '../helpers/cgroup.ts';
import { serveHere } from '../helpers/daemon.ts';
import { Place, STINT } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const skip = missing('make44') || (noGroups('cpu') ?? false);

test('a make in a group of two processors runs two jobs, whatever the pool has', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const place = new Place(t);
  const folder = newGroup(t, 'cpu', 2);
  const daemon = await serveHere(place, { capacity: 6 });
  const targets = Array.from({ length: 20 }, (_, i) => `job${i}`).join(' ');
  writeFileSync(`${place.folder}/Makefile`, `all: ${targets}\n${targets}:\n\t@sleep 1000\n`);
  const inside = place.shell(`${into(folder)}; exec "$STINT" run --label boxed -- ${toolPath('make44')}`, {
    deadline: 200_000,
  });
  void inside.catch(() => undefined);
  const { limits } = await place.untilStatus(({ limits }) => limits.some(({ name }) => name === 'cgroup'), 60_000);
  assert.equal(limits[0]?.slots, 2);
  assert.equal(limits[0]?.reason, `builds in ${folder} may use 2 processors`);
  const outside = place.spawnRun(['--label', 'free', '--', toolPath('make44')], { deadline: 200_000 });
  const slots = async (label: string) => {
    const build = (await place.status()).builds.find((one) => one.label === label);
    return (build?.implicit ?? 0) + (build?.held ?? 0);
  };
  await until('the other has the rest', async () => (await slots('free')) === 4, 60_000);
  await pause(1500);
  assert.deepEqual([await slots('boxed'), await slots('free')], [2, 4]);
  for (const { rootPid } of (await place.status()).builds) process.kill(-rootPid, 'SIGKILL');
  await Promise.all([inside, outside.ended]);
  daemon.stop();
  await daemon.done;
});

test('builds that begin in a group at once have no slot beyond its bound, and leases neither', {
  skip: noGroups('cpu') ?? false,
  timeout: 300_000,
}, async (t) => {
  const place = new Place(t);
  const folder = newGroup(t, 'cpu', 2);
  const daemon = await serveHere(place, { capacity: 8 });
  const script = `${into(folder)}; for n in 1 2 3 4 5 6; do "$STINT" run --label n$n sleep 1000 & done; wait`;
  const inside = place.spawn('sh', ['-c', script], { env: { STINT }, deadline: 200_000 });
  const { builds, free } = await place.untilStatus((status) => status.builds.length === 6, 60_000);
  assert.ok(free >= 6, `${8 - free} slots are out`);
  await place.untilStatus((status) => status.builds.filter(({ state }) => state === 'running').length === 2, 60_000);
  await pause(1500);
  const later = await place.status();
  assert.equal(later.free, 6);
  for (const { rootPid } of builds) process.kill(rootPid, 'SIGKILL');
  await inside.ended;

  const lease = (slots: string) =>
    place.shell(`${into(folder)}; exec "$STINT" run --slots ${slots} -- sh -c 'echo $STINT_SLOTS'`);
  assert.equal((await lease('1..8')).stdout, '2\n');
  const never = await lease('3..8');
  assert.equal(never.code, 125);
  assert.equal(
    never.stderr,
    `stint: the daemon refused: builds in ${folder} may use 2 processors, and 3 are asked for at once\n`,
  );
  daemon.stop();
  await daemon.done;
});
