// What the suite finds at the device, in a machine that has CUSE; suite.test.ts runs this in one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildTracer } from '../clients/projects.ts';
import { SIGNALS, uses } from '../conformance/checks.ts';
import { CLIENTS, type Client, lacking } from '../conformance/client.ts';
import { examine } from '../conformance/matrix.ts';
import { deviceServer } from '../conformance/stint.ts';
import { Place } from '../helpers/pool.ts';

const SLOTS = 3;

test('the suite finds at the device what it finds at the file node', async (t) => {
  const server = await deviceServer(t);
  const place = new Place(t);
  const tracer = buildTracer(place.folder);
  const subject = (name: string, style: 'fifo' | 'fds') => ({
    ...{ place, tracer, style, server },
    client: CLIENTS.find((client) => client.name === name) as Client,
  });
  const { use, endings, empty, late } = await examine(subject('make44', 'fifo'));
  assert.equal(use.verdict, 'ok', JSON.stringify(use));
  for (const signal of SIGNALS) {
    const { held, lost } = endings?.[signal] ?? {};
    assert.deepEqual({ signal, held, lost }, { signal, held: SLOTS, lost: 0 });
  }
  assert.deepEqual(empty, { verdict: 'serial', code: 0, peak: 1 });
  assert.ok(typeof late === 'number', 'it used late slots');
  for (const [name, style, verdict] of [
    ['make43', 'fds', 'ok'],
    ['ninja', 'fifo', 'ignores'], // released ones take a FIFO only
    ['gcc-lto', 'fds', 'ok'],
    ['cargo', 'fifo', 'ok'],
  ] as const) {
    const one = subject(name, style);
    if (lacking(one.client)) t.diagnostic(`${name}: ${lacking(one.client)}`);
    else assert.deepEqual([name, (await uses(one)).verdict], [name, verdict]);
  }
  await server.stop();
});
