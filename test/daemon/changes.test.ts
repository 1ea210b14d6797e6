// What is done to one build of a user's pool: slots that a killed client lost are taken back, and nothing else. Who may do it:
// test/machine/explain.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../helpers/api.ts';
import { STINT, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

/** Takes a token and is killed; on the word `late` a token is returned all the same. */
const LOSER = `
(read -n 1 a; echo taken; exec sleep 1000) <"$STINT_FIFO" &
read word; kill -9 $!; wait $! 2>/dev/null; echo lost
read word; printf + >"$STINT_FIFO"; echo late
exec sleep 1000`;

test('what a living client holds is not taken back, what a killed one held is, and a late return counts for nothing', async (t) => {
  const pool = await startPool(t, 3);
  const reclaim = async () => (await ask(pool.socket, 'POST', '/builds/1/reclaim')).json;
  const options = { stdio: 'pipe' as const, deadline: 120_000 };
  const build = pool.spawnRun(['--style', 'fifo', '--', 'bash', '-c', LOSER], options);
  const said = (word: string) => until(word, () => build.output.stdout.endsWith(`${word}\n`));
  await said('taken');
  assert.deepEqual(await reclaim(), { slots: 0 });
  assert.equal((await pool.status()).builds[0]?.held, 1);

  build.child.stdin?.write('die\n');
  await said('lost');
  await pool.untilStatus(({ builds }) => builds[0]?.stranded === 1);
  assert.deepEqual(await reclaim(), { slots: 1 });
  assert.deepEqual(await reclaim(), { slots: 0 });
  const after = await pool.status();
  assert.deepEqual([after.builds[0]?.held, after.builds[0]?.stranded, after.free], [0, 0, 2]);

  build.child.stdin?.write('late\n');
  await said('late');
  const late = await pool.untilStatus(({ surplus }) => surplus === 1);
  assert.deepEqual([late.builds[0]?.held, late.free, late.reserved], [0, 2, 2]);
  build.killAll('SIGKILL');
  await pool.stop();
});

test('weight and class last as long as the build, beside what is lent', async (t) => {
  const pool = await startPool(t, 3);
  const build = pool.start(['with', '--class', 'background', '--', 'sh', '-c', '"$STINT" run sleep 1000'], {
    env: { STINT: STINT },
  });
  const { builds } = await pool.untilStatus((status) => status.builds[0]?.state === 'running');
  const path = `/builds/${builds[0]?.id}`;
  const changed = async (change: object) => {
    const { class: of, weight } = (await ask(pool.socket, 'PATCH', path, change)).json;
    return [of, weight];
  };
  assert.deepEqual(await changed({ weight: 7 }), ['background', 7]);
  assert.deepEqual(await changed({ class: 'interactive' }), ['background', 7], 'what is lent goes before it');
  build.kill('SIGKILL');
  await pool.untilStatus((status) => status.builds[0]?.class === 'interactive');
  assert.deepEqual(await changed({ class: 'normal', weight: 0.5 }), ['normal', 0.5]);
  build.killAll('SIGKILL');
  await pool.untilIdle();
  const next = pool.spawnRun(['sleep', '1000']);
  const { builds: later } = await pool.untilStatus((status) => status.builds[0]?.state === 'running');
  assert.deepEqual([later[0]?.class, later[0]?.weight], ['normal', 1]);
  next.kill('SIGKILL');
  await pool.stop();
});
