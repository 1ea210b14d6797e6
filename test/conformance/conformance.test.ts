// A selection of the client matrix that takes seconds: on a FIFO it shows that the suite finds what each client is known to do,
// on stint that every kind of node serves its clients and gets every slot back. `run.ts` runs all of it.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { STYLES, type Style } from '../../src/conformance/told.ts';
import { buildTracer } from '../clients/projects.ts';
import { Place } from '../helpers/pool.ts';
import { missing } from '../helpers/toolchain.ts';
import { SIGNALS, SLOTS, type Subject, uses } from './checks.ts';
import { CLIENTS, type Client, lacking } from './client.ts';
import { examine, type Row, stylesFor } from './matrix.ts';
import { main } from './run.ts';
import { fifoServer, type Server } from './server.ts';
import { SERVERS } from './servers.ts';
import { machineServer, userServer } from './stint.ts';
import { keyOf, published, table } from './table.ts';

const PATIENCE = 60_000;
const clientOf = (name: string) => CLIENTS.find((client) => client.name === name) as Client;
const lostOf = ({ endings }: Row) => SIGNALS.map((signal) => endings?.[signal].lost);

type Site = Omit<Subject, 'client' | 'style' | 'server'>;

function openSite(t: TestContext): Site {
  const place = new Place(t);
  return { place, tracer: buildTracer(place.folder) };
}

function openFifo(site: Site): Server {
  const folder = join(site.place.folder, 'server');
  mkdirSync(folder);
  return fifoServer(folder);
}

/** That the client comes out well in every check, and on a server that reclaims loses nothing. */
async function examineWell(subject: Subject): Promise<Row> {
  const row = await examine(subject);
  assert.equal(row.use.verdict, 'ok', JSON.stringify(row));
  assert.deepEqual(row.empty, { verdict: 'serial', code: 0, peak: 1 });
  assert.ok(typeof row.late === 'number', 'it used late slots');
  for (const signal of SIGNALS) assert.equal(row.endings?.[signal].held, SLOTS, signal);
  if (subject.server.reclaims) assert.deepEqual(lostOf(row), [0, 0, 0, 0]);
  return row;
}

const tools = missing('make43', 'make44', 'ninja');

test('on a FIFO the suite finds what each make and ninja loses', { skip: tools, timeout: PATIENCE }, async (t) => {
  const site = openSite(t);
  const server = openFifo(site);
  const lost = async (name: string, style: Style) =>
    lostOf(await examineWell({ ...site, client: clientOf(name), style, server }));
  assert.deepEqual(await lost('make43', 'fds'), [0, 0, 0, 3]);
  assert.deepEqual(await lost('make44', 'fifo'), [3, 3, 3, 3]);
  assert.deepEqual(await lost('ninja', 'fifo'), [0, 0, 0, 3]);
});

test('the suite tells a client that fails from one that goes its own way', {
  skip: tools,
  timeout: PATIENCE,
}, async (t) => {
  const site = openSite(t);
  const server = openFifo(site);
  const make = await uses({ ...site, client: clientOf('make43'), style: 'fifo', server });
  assert.deepEqual([make.verdict, make.code, make.taken], ['fails', 2, 0]);
  const ninja = await uses({ ...site, client: clientOf('ninja'), style: 'fds', server });
  assert.deepEqual([ninja.verdict, ninja.code, ninja.taken], ['ignores', 0, 0]);
});

for (const { name, style, node } of [
  { name: 'make44', style: 'fifo', node: 'file' },
  { name: 'ninja', style: 'fifo', node: 'pipe or split' },
  { name: 'make43', style: 'fds', node: 'pipe' },
] as const) {
  test(`stint serves ${name} in style ${style} from a ${node} and gets every slot back`, {
    skip: tools || SERVERS.stint?.lacking() || false,
    timeout: PATIENCE,
  }, async (t) => {
    const server = await machineServer(t);
    const subject = { ...openSite(t), client: clientOf(name), style, server };
    const nodes = new Set<string>();
    let over = false;
    const row = examineWell(subject).finally(() => (over = true));
    while (!over) {
      for (const kind of await server.nodes()) nodes.add(kind);
      await pause(20);
    }
    await row;
    assert.equal(nodes.size, 1, [...nodes].join());
    assert.ok(node.split(' or ').includes([...nodes].join()), [...nodes].join());
    await server.stop();
  });
}

test('the pool of a user serves make in either style and gets every slot back', {
  skip: tools,
  timeout: PATIENCE,
}, async (t) => {
  const server = await userServer(t);
  const site = openSite(t);
  for (const [name, style] of [
    ['make44', 'fifo'],
    ['make43', 'fds'],
  ] as const) {
    await examineWell({ ...site, client: clientOf(name), style, server });
  }
  await server.stop();
});

test('the suite runs on a jobserver that somebody else has at a path', {
  skip: tools,
  timeout: PATIENCE,
}, async (t) => {
  const node = await openFifo(openSite(t)).open(SLOTS);
  let out = '';
  const args = ['--path', node.path, '--slots', String(SLOTS), '--client', 'ninja', '--json'];
  const code = await main(args, { out: (text) => (out += text), err: () => {} });
  assert.equal(code, 0);
  const rows = JSON.parse(out) as Row[];
  assert.deepEqual(
    rows.map(({ style, use }) => [style, use.verdict]),
    [
      ['fifo', 'ok'],
      ['fds', 'ignores'],
    ],
  );
  assert.equal(await node.count(), SLOTS, 'what was lost is replaced');
  await node.close();
});

test('docs/clients.md has the table for every client that is here', () => {
  const [head = [], , ...rows] = published(readFileSync(join(import.meta.dirname, '../../docs/clients.md'), 'utf8'));
  assert.equal(`| ${head.join(' | ')} |`, table([]).split('\n')[0]);
  const there = rows.map((row) => keyOf(row).join(' '));
  const keys = (clients: readonly Client[]) =>
    clients.flatMap((client) =>
      Object.keys(SERVERS).flatMap((name) =>
        stylesFor(client, { name }).map((style) => `${client.title} \`${style}\` ${name}`),
      ),
    );
  for (const key of keys(CLIENTS.filter((client) => !lacking(client)))) assert.ok(there.includes(key), `no ${key}`);
  const known = keys(CLIENTS);
  for (const key of there) assert.ok(known.includes(key), `${key} is nobody`);
  for (const row of rows) {
    assert.equal(row.length, head.length, row.join(' | '));
    for (const cell of row) assert.notEqual(cell, '', row.join(' | '));
  }
});

test('every client speaks a style', () => {
  for (const { name, speaks } of CLIENTS)
    assert.ok(
      STYLES.some((style) => speaks[style]),
      name,
    );
});
