// How fluent the page of `stint web` is beside 200 builds with 2,000 clients, of which every figure changes each second, in a real
// Chromium without a window: frames a second, in turns with those of an empty page, and the longest that one frame took.
import { noBrowser, startBrowser } from '../test/helpers/browser.ts';
import { startStage } from '../test/web/stage.ts';
import { crowd } from '../test/web/story.ts';
import { median, spread, table } from './helpers/figures.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** Milliseconds that frames are counted. */
const TIME = 6000;

/** Runs in the page: milliseconds between one frame and the next. */
const FRAMES = `new Promise((resolve) => {
  const gaps = [];
  let last;
  const frame = (now) => {
    if (last !== undefined) gaps.push(now - last);
    last = now;
    if (gaps.reduce((sum, gap) => sum + gap, 0) < ${TIME}) requestAnimationFrame(frame);
    else resolve(gaps);
  };
  requestAnimationFrame(frame);
})`;

if (noBrowser !== false) {
  process.stdout.write(`${noBrowser}\n`);
} else {
  const ends: (() => void | Promise<void>)[] = [];
  const t = { after: (done: () => void | Promise<void>) => void ends.unshift(done) };
  try {
    const open = await startBrowser(t);
    const views = ['an empty page', 'all builds', 'one build, with its lanes'] as const;
    const rates = views.map((): number[] => []);
    const longest = views.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [n, view] of views.entries()) {
        const stage = await startStage(t, crowd, { before: 300 });
        const { page } = await open();
        if (view !== 'an empty page') {
          await page.goto(stage.url);
          await page.waitForSelector('.state.live');
          while (stage.second() <= 0) await page.waitForTimeout(100);
          await page.waitForTimeout(2000);
          if (view !== 'all builds') {
            await page.locator('tbody a').first().click();
            await page.waitForSelector('.lanes canvas');
          }
        }
        const gaps = await page.evaluate<number[]>(FRAMES);
        (rates[n] as number[]).push((1000 * gaps.length) / gaps.reduce((sum, gap) => sum + gap, 0));
        (longest[n] as number[]).push(Math.max(...gaps));
        await page.context().close();
      }
    }
    const empty = rates[0] as number[];
    const rows = views.map((view, n) => {
      const own = rates[n] as number[];
      return [
        view,
        spread(own, 0),
        spread(
          own.map((rate, round) => rate / (empty[round] as number)),
          2,
        ),
        `${median(longest[n] as number[]).toFixed(0)} ms`,
      ];
    });
    table(['view', 'frames a second', 'of those of the empty page', 'longest frame'], rows);
  } finally {
    for (const end of ends) await end();
  }
}
