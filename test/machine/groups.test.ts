// A build in a control group with a limit is kept within that, on the real hierarchy; others are not.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { serveHere } from '../helpers/daemon.ts';
import { Place } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const v1 = '/sys/fs/cgroup/cpu';
const v2 = '/sys/fs/cgroup';

function hierarchy(): typeof v1 | typeof v2 | undefined {
  if (existsSync(`${v1}/cpu.cfs_quota_us`)) return v1;
  const file = `${v2}/cgroup.subtree_control`;
  return existsSync(file) && readFileSync(file, 'utf8').includes('cpu') ? v2 : undefined;
}

const top = hierarchy();
const noGroups = process.getuid?.() !== 0 ? 'needs root' : top === undefined && 'no cgroup hierarchy with cpu quotas';
const skip = missing('make44') ?? noGroups;

test('a make in a group of two processors runs two jobs, whatever the pool has', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const place = new Place(t);
  const folder = `${top}/stint-groups-${process.pid}`;
  mkdirSync(folder);
  t.after(() =>
    until('the group is empty', () => {
      rmdirSync(folder);
      return true;
    }),
  );
  if (top === v1) writeFileSync(`${folder}/cpu.cfs_quota_us`, '200000');
  else writeFileSync(`${folder}/cpu.max`, '200000 100000');
  const daemon = await serveHere(place, { capacity: 6 });
  const targets = Array.from({ length: 20 }, (_, i) => `job${i}`).join(' ');
  writeFileSync(`${place.folder}/Makefile`, `all: ${targets}\n${targets}:\n\t@sleep 1000\n`);
  const inside = place.shell(
    `echo $$ >${folder}/cgroup.procs; exec "$STINT" run --label boxed -- ${toolPath('make44')}`,
    {
      deadline: 200_000,
    },
  );
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
