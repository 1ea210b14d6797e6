// One run at the machine's node, of which everything that tells of the pool is asked: the status, its file, the picture, top, the page, the
// metrics, the history and the trace. They say the same, and it is what the clients themselves saw, slot-second by slot-second.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { PastList, Status } from '../../src/api/schema.ts';
import type { Trace } from '../../src/observe/trace.ts';
import { raw } from '../helpers/api.ts';
import { noBrowser, startBrowser } from '../helpers/browser.ts';
import { noTerminal, play } from '../helpers/full-screen.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { STINT, type Started } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';

const PATIENCE = 120_000;
/** Clocks that tell the time of the same moment, seconds. */
const CLOCKS = 0.01;

/**
 * Takes and returns slots at the node as its input says: `take`, `give`, `end`. Before and after each it writes down the time: what
 * was booked for it was so in between.
 */
const CLIENT = `
import os, sys, time
def log(what, begun): print(what, begun, time.time(), flush=True)
begun = time.time(); node = os.open(sys.argv[1], os.O_RDWR); log('open', begun)
held = []
for line in sys.stdin:
    word = line.strip(); begun = time.time()
    if word == 'take': held.append(os.read(node, 1))
    elif word == 'give': os.write(node, held.pop())
    log(word, begun)
    if word == 'end': os._exit(3)
`;

/** A client with a log of its own. */
class Client {
  readonly #started: Started;
  /** What it was told so far. */
  #told = 0;

  constructor(machine: Machine) {
    const stdio = ['pipe', 'pipe', 'pipe'] as const;
    this.#started = machine.spawn('python3', ['-c', CLIENT, machine.node], { stdio: [...stdio], deadline: 300_000 });
  }

  /** What it did, in order: what, and the times between which that was. */
  get log(): { what: string; from: number; to: number }[] {
    const lines = this.#started.output.stdout.split('\n').slice(0, -1);
    return lines.map((line) => {
      const [what = '', from, to] = line.split(' ');
      return { what, from: Number(from), to: Number(to) };
    });
  }

  /** Writes words to it, and waits until it has done all that it was ever told but for `undone` of it. */
  async do(words: readonly string[], undone = 0): Promise<void> {
    this.#told += words.length;
    this.#started.child.stdin?.write(words.map((word) => `${word}\n`).join(''));
    await until('it has done that', () => this.log.length >= 1 + this.#told - undone, PATIENCE);
  }

  async end(): Promise<void> {
    await this.do(['end']);
    await this.#started.ended;
  }

  /** The least and the most slot-seconds that it can have had, and the number of slots that it took. */
  had(goneAt: number): { least: number; most: number; grants: number } {
    const [opened, ...rest] = this.log;
    assert.ok(opened);
    const end = rest.at(-1)?.from as number;
    // The job that it runs without a token.
    let [least, most] = [end - opened.to, goneAt - opened.from];
    const held: { from: number; to: number }[] = [];
    for (const { what, from, to } of rest) {
      if (what === 'take') held.push({ from, to });
      const taken = what === 'give' ? held.pop() : undefined;
      if (taken === undefined) continue;
      least += Math.max(0, from - taken.to);
      most += to - taken.from;
    }
    assert.deepEqual(held, [], 'it has given all back');
    return { least, most, grants: 1 + rest.filter(({ what }) => what === 'take').length };
  }
}

type Figures = Map<number, number>;

/** A column of the table on a screen of top, by the number of the build. */
function columnOf(screen: string, name: string): Figures {
  const lines = screen.split('\n');
  const head = lines.findIndex((line) => /^ .BUILD /.test(line));
  const end = (lines[head] as string).indexOf(name) + name.length;
  const rows = lines.slice(head + 1).filter((line) => /^[ >▸▶*]+\d+ /.test(line));
  return new Map(
    rows.map((row) => [Number(/\d+/.exec(row)?.[0]), Number(row.slice(0, end).trim().split(/\s+/).at(-1))]),
  );
}

/** The same of a table of the page. */
async function pageColumn(page: Page, name: string): Promise<Figures> {
  const table = page.locator('table').filter({ has: page.locator('caption', { hasText: /^Builds that are/ }) });
  const heads = (await table.locator('thead th').allInnerTexts()).map((text) => text.replace(/ [↓↑]$/, '').trim());
  const rows = await table.locator('tbody tr').all();
  const cells = await Promise.all(
    rows.map(async (row): Promise<[number, number]> => {
      const texts = await row.locator('th, td').allInnerTexts();
      return [Number(/#(\d+)/.exec(texts[0] as string)?.[1]), Number(texts[heads.indexOf(name)]?.replace('–', '0'))];
    }),
  );
  return new Map(cells);
}

async function metrics(machine: Machine): Promise<(name: string) => number> {
  const text = await raw(machine.socket, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n').ended;
  return (name) => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    assert.ok(line, name);
    return Number(line.slice(name.length));
  };
}

const total = (figures: Figures): number => [...figures.values()].reduce((sum, one) => sum + one, 0);
const figuresOf = ({ builds }: Pick<Status, 'builds'>, of: (build: Status['builds'][0]) => number): Figures =>
  new Map(builds.map((build) => [build.id, of(build)]));

async function openPage(t: TestContext, machine: Machine): Promise<{ page: Page; web: Started }> {
  const web = machine.start(['web'], { deadline: 300_000 });
  const url = await until('it prints its address', () => /^http:\S+\n/.exec(web.output.stdout)?.[0].trim(), PATIENCE);
  const { page } = await (await startBrowser(t))({ width: 1400 });
  await page.goto(url);
  return { page, web };
}

test('all that tells of the pool says the same, and what the clients saw themselves', {
  skip: noMachine() ?? (noBrowser || noTerminal || missing('python3')),
}, async (t) => {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, '[[client]]\nprogram = "python3"\nnode = "file"\nimplicit = true\n');
  const machine = await startMachine(t, 4, { args: ['--config', config] });
  const { page, web } = await openPage(t, machine);
  const one = new Client(machine);
  await one.do(['take', 'give', 'take', 'take']);
  const other = new Client(machine);
  await until('it has the node open', () => other.log.length === 1, PATIENCE);
  await other.do(['take'], 1); // there is none
  await machine.untilStatus(({ waiting, free }) => waiting === 1 && free === 0);

  // While nothing changes: slots.
  const before = await machine.status();
  const used = figuresOf(before, ({ implicit, held }) => implicit + held);
  const waits = figuresOf(before, ({ waiting }) => waiting);
  assert.deepEqual([...used.values()].sort(), [1, 3]);
  const file = JSON.parse(readFileSync(join(machine.mount, 'status'), 'utf8')) as Status;
  assert.deepEqual(
    figuresOf(file, ({ implicit, held }) => implicit + held),
    used,
  );
  const printed = (await machine.stint(['status'])).stdout;
  assert.match(printed, /^4 slots: 4 used, 0 free$/m);
  for (const [id, slots] of used)
    assert.match(printed, new RegExp(`^${id} +${slots} +${waits.get(id) ? 'yes' : '-'} `, 'm'));
  const gauge = await metrics(machine);
  const sums = ['held', 'implicit', 'offered', 'free'].map((state) => gauge(`stint_slots{state="${state}"}`));
  assert.deepEqual(sums, [2, 2, 0, 0]);
  assert.deepEqual([gauge('stint_waiting_slots'), gauge('stint_capacity_slots')], [1, 4]);

  // And slot-seconds, which grow: what is read between two readings of the status lies between them.
  const counted = gauge('stint_slot_seconds_total');
  const seen = await play(machine, [STINT, 'top'], [{ size: [140, 30] }, { see: '4 held|2 held' }, { type: 'q' }]);
  const [screen = ''] = seen.screens;
  assert.deepEqual(columnOf(screen, 'SLOTS'), used);
  const least = figuresOf(before, ({ slotSeconds }) => slotSeconds);
  const shown = await until(
    'the page has gone on',
    async () => {
      const found = await pageColumn(page, 'Slot-seconds');
      return [...least].every(([id, from]) => (found.get(id) ?? -1) >= from) && found;
    },
    PATIENCE,
  );
  assert.deepEqual(await pageColumn(page, 'Slots'), used);
  assert.deepEqual(await pageColumn(page, 'Waits'), waits);
  assert.match(await page.locator('h2').first().innerText(), /^4 of 4 slots in use\s*1 waited for$/);
  const most = figuresOf(await machine.status(), ({ slotSeconds }) => slotSeconds);
  for (const [id, from] of least) {
    const to = most.get(id) as number;
    const [top = -1, web = -1] = [columnOf(screen, 'SLOT-S').get(id), shown.get(id)];
    assert.ok(from - 0.5 <= top && top <= to + 0.5, `top shows ${top} of build ${id}, it had ${from} to ${to}`);
    assert.ok(from - 0.05 <= web && web <= to + 0.05, `the page shows ${web} of build ${id}, it had ${from} to ${to}`);
  }
  assert.ok(total(least) - 0.002 <= counted && counted <= total(most) + 0.002, `${counted}`);

  // All is given back.
  await one.do(['give', 'give']);
  await other.do([]);
  await other.do(['give']);
  await one.end();
  await other.end();
  await machine.untilIdle();
  const goneAt = Date.now() / 1000;
  const { builds } = JSON.parse((await machine.stint(['history', '--json'])).stdout) as PastList;
  assert.equal(builds.length, 2);
  const sum = await metrics(machine);
  const past = new Map(builds.map((build) => [build.id, build.slotSeconds]));
  assert.ok(Math.abs(sum('stint_slot_seconds_total') - total(past)) < 0.0011);
  const waited = builds.reduce((all, { waitedSeconds }) => all + waitedSeconds, 0);
  assert.ok(Math.abs(sum('stint_waited_seconds_total') - waited) < 0.0011);
  assert.equal(
    sum('stint_slots_granted_total'),
    builds.reduce((all, { granted }) => all + granted, 0),
  );
  assert.equal(sum('stint_slot_wait_seconds_count'), sum('stint_slots_granted_total'));
  assert.equal(sum('stint_builds_ended_total'), 2);

  const listed = (await machine.stint(['history'])).stdout;
  await page.getByRole('link', { name: 'History' }).click();
  await until(
    'the page has both',
    async () =>
      (await pageColumn(page, 'Slot-seconds')).size === 2 && (await page.getByText('Builds that are over').count()) > 0,
    PATIENCE,
  );
  const onPage = await pageColumn(page, 'Slot-seconds');
  for (const build of builds) {
    const { id, slotSeconds, waitedSeconds, peak, granted, exit } = build;
    assert.match(listed, new RegExp(`^${id} .* ${slotSeconds.toFixed(1)} +${peak} .* 3 +\\w+ `, 'm'));
    assert.equal(onPage.get(id), Number(slotSeconds.toFixed(1)));
    assert.equal(exit, 3);
    const trace = JSON.parse((await machine.stint(['trace', '--build', String(id)])).stdout) as Trace;
    const spans = trace.traceEvents.filter(({ cat }) => cat === 'slot');
    const traced = spans.reduce((all, { dur = 0 }) => all + dur, 0) / 1e6;
    assert.ok(
      Math.abs(traced - slotSeconds) < 0.001 + spans.length * 0.0002,
      `the trace has ${traced}, not ${slotSeconds}`,
    );
    assert.equal(Math.max(...spans.map(({ tid }) => tid + 1)), peak);
    // What the client saw.
    const client = granted === 4 ? one : other;
    const had = client.had(goneAt);
    assert.equal(granted, had.grants);
    assert.ok(
      had.least - CLOCKS <= slotSeconds && slotSeconds <= had.most + CLOCKS,
      `${slotSeconds}: ${JSON.stringify(had)}`,
    );
    if (client === one) continue;
    const asked = client.log.find(({ what }) => what === 'take') as { from: number; to: number };
    assert.ok(
      waitedSeconds <= asked.to - asked.from + CLOCKS && waitedSeconds > 0.5 * (asked.to - asked.from),
      `${waitedSeconds}`,
    );
  }
  web.kill('SIGTERM');
  await web.ended;
  await machine.stop();
});
