// make pictures: what README shows of `stint top` and of the page, taken of the demo's three projects while they are built in one pool of
// eight slots, beside a lease. Needs Chromium, and Python for a terminal; as root the page does not name this machine. Writes README.md and
// docs/web.png.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBrowser } from '../test/helpers/browser.ts';
import { play } from '../test/helpers/full-screen.ts';
import { Place, STINT } from '../test/helpers/pool.ts';
import { until } from '../test/helpers/until.ts';
import { buildAll } from './builds.ts';
import { prepare } from './projects.ts';
import { openWorkshop } from './workshop.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SLOTS = '8';
/** The pictures are taken when the lease has had its slots for a while, no sooner than the curves go back, and no later; milliseconds. */
const [SOONEST, LATEST, LEASED] = [65_000, 180_000, 8_000];
/** The lease comes after the others. */
const LATER = 5_000;
/** How long anything may take, milliseconds. */
const DEADLINE = 900_000;
/** The name of the machine on the page. */
const HOST = 'crane';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort(signal));
const ends: (() => void | Promise<void>)[] = [];
try {
  await take();
} finally {
  stop.abort('the pictures are taken');
  for (const end of ends.reverse()) await end();
}

async function take(): Promise<void> {
  const t = { after: (end: () => void | Promise<void>) => void ends.push(end) };
  const shop = await openWorkshop(stop.signal);
  const projects = await prepare(shop);
  const place = new Place(t);
  const options = { deadline: DEADLINE };
  place.start(['serve', '--user', '--jobs', SLOTS], options);
  await until('the daemon serves', () => place.status(), DEADLINE);
  const pool = {
    env: place.env(shop.env),
    build: (argv: string[]) => [STINT, 'run', '--', ...argv],
    status: () => place.status(),
    afterwards: () => place.status(),
    close: async () => {},
  };
  const building = buildAll(projects, pool, shop).catch(() => {}); // it is broken off when the pictures are taken
  ends.push(async () => void (await building));
  const [web, webArgs] =
    process.getuid?.() === 0
      ? ['unshare', ['--uts', 'sh', '-c', `hostname ${HOST}; exec "$0" web`, STINT]]
      : [STINT, ['web']];
  const { output } = place.spawn(web as string, webArgs as string[], options);
  const url = await until('the page has an address', () => /^http:\S+\n/.exec(output.stdout)?.[0].trim(), DEADLINE);
  const { page } = await (await startBrowser(t))({ width: 1200, height: 900 });
  await page.goto(url);
  const ready = join(place.folder, 'ready');
  const wait = { shell: `until [ -e ${ready} ]; do sleep 0.1; done` };
  const watched = play(
    place,
    [STINT, 'top'],
    [{ size: [80, 14] }, wait, { idle: 2 }, { see: 'q quit' }, { type: 'q' }],
  );
  await sleep(LATER, undefined, { signal: stop.signal });
  const library = join(place.folder, 'library');
  const copy = `cp -r "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" ${library}`;
  const compile = `${copy} && exec python3 -m compileall -qf -o 0 -o 1 -o 2 -j {slots} ${library}`;
  place.spawnRun(['--slots', '2..3', '--label', 'compileall', '--', 'sh', '-c', compile], options);
  await moment(place);
  writeFileSync(ready, '');
  const { screens } = await watched;
  await page.getByRole('button', { name: '1 min', exact: true }).click();
  await page.screenshot({ path: join(ROOT, 'docs/web.png'), fullPage: true });
  show(screens.at(-1) as string);
}

/** Waits for the moment that is to be seen. */
async function moment(place: Place): Promise<void> {
  const begun = performance.now();
  let leased = 0;
  for (let now = begun; now < begun + LATEST; now = performance.now()) {
    const { builds } = await place.status();
    const running = builds.some(({ lease, state }) => lease !== undefined && state === 'running');
    leased = running ? leased || now : 0;
    if (running && now - leased >= LEASED && now - begun >= SOONEST) return;
    await sleep(500, undefined, { signal: stop.signal });
  }
}

/** Puts a screen in the place of the one that README has. */
function show(screen: string): void {
  const path = join(ROOT, 'README.md');
  const before = readFileSync(path, 'utf8');
  const after = before.replace(/^```\nstint {2}[\s\S]*?^```$/m, () => `\`\`\`\n${screen.trimEnd()}\n\`\`\``);
  writeFileSync(path, after);
  console.log(screen);
}
