// The page with a real daemon and real builds, through `stint web`: what it says is what the daemon says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PastBuild } from '../../src/api/schema.ts';
import { noBrowser as skip, startBrowser } from '../helpers/browser.ts';
import { startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 60_000;
/** Takes a token, works, and gives it back, three times. */
const WORK =
  'exec 7<>"$STINT_FIFO"; for n in 1 2 3; do dd bs=1 count=1 <&7 2>/dev/null >token; sleep 0.4; cat token >&7; done; read x';

test('the page shows real builds while they run and when they are over, and its figures are those of the history', {
  skip,
}, async (t) => {
  const pool = await startPool(t, 3);
  const web = pool.start(['web'], { deadline: 300_000 });
  const url = await until('it prints its address', () => /^http:\S+\n/.exec(web.output.stdout)?.[0].trim(), PATIENCE);
  const { page, complaints } = await (await startBrowser(t))();
  await page.goto(url);
  await page.getByText('Nobody draws from the pool.').waitFor();

  const stdio = ['pipe', 'pipe', 'pipe'] as const;
  const build = pool.spawnRun(['--style', 'fifo', '--label', 'real <work>', 'sh', '-c', WORK], {
    stdio: [...stdio],
    deadline: 300_000,
  });
  const holder = pool.spawnRun(['--label', 'holder', 'sleep', '600'], { deadline: 300_000 });
  await page.getByRole('link', { name: 'real <work>' }).waitFor();
  await page.getByRole('link', { name: 'holder' }).waitFor();
  await until(
    'both are counted',
    async () => /^[23] of 3 slots/.test(await page.locator('h2').first().innerText()),
    PATIENCE,
  );
  await page.getByRole('link', { name: 'real <work>' }).click();
  await page.locator('.lanes canvas').waitFor();
  await page.getByText('In figures').click();
  await until(
    'it was seen to take slots',
    async () => {
      const { builds } = await pool.status();
      return builds.some(({ label, granted }) => label === 'real <work>' && granted >= 2);
    },
    PATIENCE,
  );

  build.child.stdin?.end('\n');
  assert.equal((await build.ended).code, 0);
  await page.getByText('Granted').waitFor();
  const past = await until(
    'it is in the history',
    async () => {
      const { builds } = await (await page.request.get(`${new URL(url).origin}/api/history`)).json();
      return (builds as PastBuild[]).find(({ label }) => label === 'real <work>');
    },
    PATIENCE,
  );
  const fact = async (name: string) =>
    page
      .locator('.tiles > div', { has: page.getByText(name, { exact: true }) })
      .locator('dd')
      .innerText();
  assert.equal(await fact('Granted'), String(past.granted));
  assert.equal(await fact('Slot-seconds'), past.slotSeconds.toFixed(1));
  assert.equal(await fact('Peak'), String(past.peak));
  assert.equal(await fact('User'), past.user);
  assert.equal(await fact('Exit'), '0');
  await page.goBack();
  await page.getByRole('link', { name: 'History' }).click();
  await page.getByRole('link', { name: 'real <work>' }).waitFor();

  holder.kill('SIGTERM');
  await holder.ended;
  assert.deepEqual(complaints, []);
  web.kill('SIGTERM');
  assert.equal((await web.ended).code, 0);
  await pool.stop();
});
