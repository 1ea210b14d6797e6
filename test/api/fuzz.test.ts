// Any bytes to the API of a real daemon: half requests, giant ones, what is no HTTP, JSON that is none, and JSON of the wrong
// types; several callers at once, of whom many hang up. It answers with 2xx or 4xx or not at all, and serves on.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { startPool } from '../helpers/pool.ts';
import { rounds } from '../helpers/rounds.ts';

/** How long a caller waits for an answer before it hangs up, milliseconds. */
const PATIENCE = 100;

interface Call {
  bytes: Buffer;
  /** Where the bytes are cut in two that are sent one after the other. */
  cut: number;
  /** Whether the caller says that it has no more to say, or hangs up without waiting. */
  end: 'waits' | 'ends' | 'leaves';
}

const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'BREW', 'get', '');
const target = fc.oneof(
  fc.constantFrom(
    '/status',
    '/builds',
    '/builds/1',
    '/builds/1/trace',
    '/leases',
    '/leases/2',
    '/settings',
    '/capacity',
  ),
  fc.constantFrom('/with', '/history?limit=0', '/history?after=x', '/metrics', '/events', '/builds/%ff', '/', '*', ''),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `/${encodeURIComponent(text)}`),
  fc.string({ maxLength: 40 }),
);
/** Never what would open a build of this very process. */
const label = fc.constantFrom<unknown>(7, null, {}, ['a'], 'x'.repeat(5000));
const anything = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0, 1, 1.5, 1e99, '', 'x', true, null, []));
const body = fc.oneof(
  fc
    .tuple(
      label,
      fc.dictionary(
        fc.constantFrom(
          'cwd',
          'implicit',
          'min',
          'max',
          'hold',
          'signal',
          'timeout',
          'clock',
          'slots',
          'class',
          'weight',
        ),
        anything,
      ),
    )
    .map(([name, rest]) => JSON.stringify({ ...rest, label: name })),
  fc
    .dictionary(fc.constantFrom('jobs', 'share.class', 'limits.min_slots', '__proto__', 'x'), anything)
    .map((one) => JSON.stringify(one)),
  fc.json().map((text) => text.slice(0, -1)),
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.constantFrom('', '{', `"${'x'.repeat(70_000)}"`, '['.repeat(30_000), '{"a":'.repeat(9000)),
);
const lease = fc
  .record(
    { min: fc.integer({ min: -1, max: 9 }), max: anything, signal: anything, timeout: anything },
    { requiredKeys: ['min'] },
  )
  .map((terms) => JSON.stringify({ label: 'x', cwd: '/', hold: 'connection', ...terms }));
const header = fc.oneof(
  fc.constantFrom('content-length: 5', 'content-length: -1', 'transfer-encoding: chunked', 'expect: 100-continue'),
  fc.constantFrom('connection: upgrade\r\nupgrade: websocket', `x: ${'y'.repeat(20_000)}`, 'a\0b: c', ': x', 'host'),
);
const request = fc
  .tuple(
    method,
    fc.oneof(
      { weight: 6, arbitrary: fc.tuple(target, body) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('/leases'), lease) }, // elsewhere it could open a build of this process
    ),
    fc.option(header),
    fc.constantFrom('1.1', '1.1', '1.1', '1.0', '2.0', '9'),
  )
  .map(([verb, [path, text], extra, version]) => {
    const length = extra === null ? [`content-length: ${Buffer.byteLength(text)}`] : [extra];
    return Buffer.from([`${verb} ${path} HTTP/${version}`, 'host: x', ...length, '', text].join('\r\n'));
  });
const bytes = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 2, arbitrary: fc.tuple(request, fc.nat(200)).map(([whole, less]) => whole.subarray(0, -less)) },
  { weight: 1, arbitrary: fc.tuple(request, request).map((two) => Buffer.concat(two)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)) },
);
const call: fc.Arbitrary<Call> = fc.record({
  bytes,
  cut: fc.nat(300),
  end: fc.constantFrom('waits', 'ends', 'leaves'),
});

/** What is answered. */
function answerTo({ bytes, cut, end }: Call, path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let said = '';
    const patience = setTimeout(() => socket.destroy(), PATIENCE);
    socket.on('data', (chunk) => (said += chunk.toString('latin1')));
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      clearTimeout(patience);
      resolve(said);
    });
    socket.write(bytes.subarray(0, cut));
    setImmediate(() => {
      socket.write(bytes.subarray(cut));
      if (end === 'ends') socket.end();
      if (end === 'leaves') socket.destroy();
    });
  });
}

test('whatever is sent to the API is answered with 2xx, 4xx or not at all, and it serves on', async (t) => {
  const pool = await startPool(t, 4);
  const property = fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 20 }), async (calls) => {
    const answers = await Promise.all(calls.map((one) => answerTo(one, pool.socket)));
    for (const [i, answer] of answers.entries()) {
      assert.ok(
        answer === '' || /^HTTP\/1\.1 [124]\d\d /.test(answer),
        `${calls[i]?.bytes.subarray(0, 200)}: ${answer}`,
      );
    }
    assert.ok((await pool.status()).capacity > 0);
  });
  await fc.assert(property, rounds(t, 30));
  await pool.stop();
});
