// The page in a real Chromium, before a daemon that tells stories. What it looks like is kept in .cache/page/ for people to look at.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { noBrowser as skip, startBrowser, type Tab, type TabOptions } from '../helpers/browser.ts';
import { until } from '../helpers/until.ts';
import { faults } from './access.ts';
import { type Stage, startStage } from './stage.ts';
import { crowd, nobody, plain, type Story, slump, workshop } from './story.ts';

const PICTURES = join(import.meta.dirname, '../../.cache/page');
const PATIENCE = 60_000;

interface Shown extends Tab {
  stage: Stage;
}

interface Showing extends TabOptions {
  story?: Story;
  /** The place on the page. */
  at?: string;
  /** Seconds that it was there before. */
  before?: number;
}

type Show = (showing?: Showing) => Promise<Shown>;

/** A test that opens pages: none of them may complain, or ask anybody but its own server. */
function browsing(body: (show: Show) => Promise<void>): (t: TestContext) => Promise<void> {
  return async (t) => {
    const open = await startBrowser(t);
    const tabs: Shown[] = [];
    await body(async ({ story = workshop, at = '', before = 300, ...options } = {}) => {
      const stage = await startStage(t, story, { before });
      const tab = { ...(await open(options)), stage };
      tabs.push(tab);
      await tab.page.goto(stage.url);
      assert.equal(tab.page.url(), `${stage.origin}/`, 'the secret does not stay in the address');
      await tab.page.waitForSelector('.state.live', { timeout: PATIENCE });
      await until('it has been told what was before', () => stage.second() > 0, PATIENCE);
      if (at !== '') await go(tab.page, at);
      return tab;
    });
    for (const { requests, complaints, stage } of tabs) {
      assert.deepEqual(complaints, []);
      for (const url of requests) assert.ok(url.startsWith(`${stage.origin}/`) || url.startsWith('data:'), url);
    }
  };
}

async function go(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, place);
  await page.locator('.lanes canvas, .scroll tbody tr').locator('visible=true').first().waitFor({ timeout: PATIENCE });
}

async function picture({ page }: Tab, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true, timeout: PATIENCE });
}

const scenes: [name: string, showing: Showing][] = [
  ['light', {}],
  ['dark', { dark: true }],
  ['narrow', { width: 360, height: 740 }],
  ['narrow-dark', { width: 360, height: 740, dark: true }],
  ['busy', { story: crowd, before: 60 }],
  ['empty', { story: nobody }],
  ['held-back', { story: slump }],
  ['degraded', { story: plain }],
  ['history', { at: '#/history' }],
  ['history-narrow', { at: '#/history', width: 360, height: 740 }],
  ['build', { at: '#/build/4' }],
  ['build-narrow', { at: '#/build/4', width: 360, height: 740, dark: true }],
  ['past-build', { at: '#/build/40' }],
];
test(
  'each view, in each size and theme, is whole, named, readable, and no wider than the window',
  {
    skip,
  },
  browsing(async (show) => {
    for (const [name, showing] of scenes) {
      const tab = await show(showing);
      for (const details of await tab.page.locator('summary').all()) await details.click();
      await picture(tab, name);
      assert.deepEqual(await tab.page.evaluate(faults), [], name);
      const [inner, whole] = await tab.page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
      assert.ok((whole as number) <= (inner as number), `${name} is ${whole} wide in a window of ${inner}`);
      await tab.page.context().close();
    }
  }),
);

test(
  'the daemon ends: the page says so, keeps what it has, and goes on with the next',
  { skip },
  browsing(async (show) => {
    const { page, stage, ...tab } = await show();
    const rows = () => page.locator('tbody tr').count();
    assert.equal(await rows(), 6);
    assert.equal(await page.getByRole('alert').count(), 0);
    stage.end();
    await page.getByRole('alert').waitFor();
    assert.match(
      await page.getByRole('alert').innerText(),
      /^The daemon does not answer: .* What is below is from before\.$/,
    );
    assert.equal(await page.getByRole('status').first().innerText(), 'no daemon');
    assert.equal(await rows(), 6);
    assert.deepEqual(await page.evaluate(faults), []);
    await picture({ page, ...tab }, 'error');
    await stage.begin();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('status').first().innerText(), 'live');
  }),
);

test(
  'builds are sorted, filtered, and those that wait are picked out',
  { skip },
  browsing(async (show) => {
    const { page } = await show({ story: crowd, before: 0 });
    const column = (n: number) => page.locator(`tbody tr > :nth-child(${n})`).allInnerTexts();
    const head = page.getByRole('columnheader', { name: 'User' });
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    const up = await column(2);
    assert.deepEqual(up, up.toSorted());
    assert.equal(up.length, 200);
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    assert.deepEqual(await column(2), up.toReversed());
    const slots = page.getByRole('columnheader', { name: 'Slots' });
    await slots.getByRole('button').click();
    assert.equal(await slots.getAttribute('aria-sort'), 'descending', 'of figures the largest are looked for');
    await page.getByRole('searchbox').fill('PROJECT-17');
    await until('it is filtered', async () => (await column(1)).length === 11, PATIENCE);
    assert.ok((await column(1)).every((text) => text.includes('make project-17')));
    await page.getByRole('checkbox').check();
    await until(
      'those that wait are left',
      async () => {
        const waits = await column(5);
        return waits.length < 11 && waits.every((text) => Number(text) > 0);
      },
      PATIENCE,
    );
    await page.getByRole('searchbox').fill('nothing like it');
    await page.getByText('None of them matches.').waitFor();
  }),
);

test(
  'all of it is reached by the keyboard, in the order in which it is seen',
  { skip },
  browsing(async (show) => {
    const { page } = await show();
    const focused = () =>
      page.evaluate(() => {
        const { activeElement: at } = document;
        return (at?.getAttribute('aria-label') ?? at?.getAttribute('placeholder') ?? at?.textContent ?? '').trim();
      });
    const order: string[] = [];
    for (let n = 0; n < 22; n++) {
      await page.keyboard.press('Tab');
      order.push(await focused());
    }
    const heads = ['Build', 'User', 'Slots ↓', 'Share', 'Waits', 'Time', 'Slot-seconds', 'Memory'];
    assert.deepEqual(
      order.slice(0, 18),
      [
        'To the content',
        'Theme: auto. Change it',
        ...['1 min', '5 min', '15 min'],
        'In figures',
        ...['Builds 6', 'History'],
        'Filter by label, user, number',
        'on',
        ...heads,
      ].map((name) => (name === 'on' ? order[9] : name)),
    );
    assert.equal(order[18], 'emerge webkit-gtk', 'the first of the table');
    await page.keyboard.press('Enter');
    await page.getByText('Who held each slot').waitFor();
    assert.match(
      await focused(),
      /^make linux #4|^ninja|^cargo|^pytest|^make docs/,
      'one reads on at the head of the build',
    );
    await page.goBack();
    await page.getByRole('searchbox').waitFor();
  }),
);

test(
  'a theme that was chosen stays, whatever the system says',
  { skip },
  browsing(async (show) => {
    const { page } = await show({ dark: true });
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await back();
    await page.getByRole('button', { name: /^Theme: auto/ }).click();
    const light = await back();
    assert.notEqual(light, dark);
    await page.reload();
    await page.getByRole('button', { name: /^Theme: light/ }).waitFor();
    assert.equal(await back(), light);
    await page.getByRole('button', { name: /^Theme: light/ }).click();
    assert.equal(await back(), dark);
    await page.getByRole('button', { name: /^Theme: dark/ }).click();
    await page.emulateMedia({ colorScheme: 'light' });
    await until('it follows the system again', async () => (await back()) === light, PATIENCE);
  }),
);

test(
  'a lane tells who held it, and what the chart shows stands there in figures',
  { skip },
  browsing(async (show) => {
    const { page } = await show({ at: '#/build/4' });
    await page.locator('.lanes canvas').hover({ position: { x: 20, y: 8 } });
    await until(
      'it says who',
      async () => /^slot 1: \w+ 54\d\d, from \d/.test(await page.locator('.readout').innerText()),
      PATIENCE,
    );
    await page.getByText('In figures').click();
    const held = await page.locator('details tbody tr').first().innerText();
    assert.match(held, /54\d\d\s+[\dms.]+\s+\d+\s+350|0\.[34]s/);
    await go(page, '#/');
    await page.getByText('In figures').click();
    const row = page.locator('details tbody tr').first();
    assert.match(await row.innerText(), /^12:00:\d\d\s+16\s+16\s+16\s+9/);
    assert.match(
      (await page.getByRole('img', { name: /^Slots in use/ }).getAttribute('aria-label')) ?? '',
      /over the last 5 minutes: now 16 of 16, at least \d+, at most 16\. 16 may be out\.$/,
    );
  }),
);

test(
  'what a label says is shown, never done',
  { skip },
  browsing(async (show) => {
    const label = '<img src=x onerror="document.title=1"> <script>document.title=2</script> make';
    const story: Story = (second) => {
      const { status, machine } = workshop(second);
      const builds = status.builds.map((build) => ({ ...build, label, reason: label }));
      return { status: { ...status, builds }, machine };
    };
    const { page } = await show({ story });
    assert.equal(await page.getByRole('link', { name: label }).count(), 6);
    await page.getByRole('link', { name: label }).first().click();
    await page.getByRole('heading', { name: label }).waitFor();
    assert.equal(await page.title(), 'stint');
    assert.equal(await page.locator('img, #app script').count(), 0);
  }),
);
