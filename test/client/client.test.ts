// `stint/client` in programs of their own: what they take comes back whatever becomes of them, and what they have survives the engine.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LeaseStatus } from '../../src/api/schema.ts';
import { ask } from '../helpers/api.ts';
import { killEngine } from '../helpers/engine-kills.ts';
import { Place, type Pool, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';
import { project, start } from './program.ts';

/** Resolves when something is written to the program, or it is told to end. */
const TOLD = 'const told = () => new Promise((resolve) => process.stdin.once("data", resolve));';

async function leases(pool: Pool): Promise<LeaseStatus[]> {
  return (await ask(pool.socket, 'GET', '/leases')).json.leases;
}

const says = (what: string, { output }: { output: { stdout: string } }, text: string) =>
  until(what, () => {
    assert.equal(output.stdout, text);
    return true;
  });

test('a lease goes on with another engine, and is released there', async (t) => {
  const pool = await startPool(t, 4);
  const program = start(
    pool,
    `${TOLD} await using held = await lease({ min: 2, max: 3, label: 'mine' }); console.log(held.slots); await told();
     console.log(held.slots, await held.resize(1)); process.stdin.destroy();`,
  );
  await says('it has its slots', program, '3\n');
  await killEngine(pool);
  await until('it is claimed', async () => (await leases(pool))[0]?.slots === 3);
  program.child.stdin?.write('\n');
  const { stdout, stderr, code } = await program.ended;
  assert.deepEqual([stdout, stderr, code], ['3\n3 1\n', '', 0]);
  const { free, capacity } = await pool.untilIdle();
  assert.equal(free, capacity);
});

test("a lease that somebody ends is over, and is not the program's fault", async (t) => {
  const pool = await startPool(t, 4);
  const program = start(
    pool,
    "const held = await lease({ min: 2 }); console.log('has'); setTimeout(() => {}, 1e9); console.log(await held.over); process.exit();",
  );
  await says('it has its slots', program, 'has\n');
  await ask(pool.socket, 'DELETE', `/leases/${(await leases(pool))[0]?.id}`);
  await says('it hears of it', program, 'has\nfalse\n');
  await program.ended;
  await pool.stop();
});

test('a program that ends without a word gives all back, and is not kept by what it has', async (t) => {
  const pool = await startPool(t, 4);
  const { code, stdout } = await start(pool, 'console.log((await lease({ max: 4 })).slots);').ended;
  assert.deepEqual([stdout, code], ['4\n', 0]);
  await pool.stop();
});

test('who waits can give up, and is refused what can never be', async (t) => {
  const pool = await startPool(t, 2);
  const first = start(
    pool,
    `${TOLD} await using held = await lease({ min: 2 }); console.log('has'); await told(); process.stdin.destroy();`,
  );
  await says('it has its slots', first, 'has\n');
  const second = await start(
    pool,
    `await lease({ min: 2, signal: AbortSignal.timeout(300) }).catch((error) => console.log(error.name));
     await acquire({ signal: AbortSignal.timeout(300) }).catch((error) => console.log(error.name));
     await lease({ min: 5 }).catch((error) => console.log(error.status));`,
  ).ended;
  assert.deepEqual([second.stdout, second.stderr], ['TimeoutError\nTimeoutError\n409\n', '']);
  assert.equal((await leases(pool)).length, 1, 'nobody waits any more');
  first.child.stdin?.write('\n');
  assert.equal((await first.ended).code, 0);
  await pool.stop();
});

test('slots taken one by one are shared with whoever comes, and never more than the pool has', async (t) => {
  const pool = await startPool(t, 4);
  const work = `let done = 0;
    await Promise.all(Array.from({ length: 100 }, async () => {
      using slot = await acquire({ label: 'jobs' });
      await new Promise((resolve) => setTimeout(resolve, 60));
      done++;
    }));
    console.log(done);`;
  const programs = [start(pool, work), start(pool, work)];
  let both = false;
  let over = false;
  const ended = Promise.all(programs.map(({ ended }) => ended)).finally(() => (over = true));
  while (!over) {
    const all = await leases(pool);
    assert.ok(all.reduce((sum, { slots }) => sum + slots, 0) <= 4, JSON.stringify(all));
    both ||= all.filter(({ slots }) => slots > 0).length === 2;
  }
  for (const { stdout, stderr, code } of await ended) assert.deepEqual([stdout, stderr, code], ['100\n', '', 0]);
  assert.ok(both, 'both had slots at once');
  await pool.stop();
});

test('where there is no pool, one of the user is started', async (t) => {
  const place = new Place(t);
  const { stdout, stderr } = await start(place, 'console.log((await lease()).slots);').ended;
  assert.deepEqual([stdout, stderr], ['1\n', '']);
  await place.finish();
});

test('TypeScript knows the types, and what is wrong', (t) => {
  const cwd = project(new Place(t), ['@types/node', 'undici-types']);
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }');
  const check = (text: string) => {
    writeFileSync(join(cwd, 'program.ts'), text);
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--types',
      'node',
      'program.ts',
    ];
    const tsc = join(import.meta.dirname, '../../node_modules/.bin/tsc');
    return spawnSync(tsc, options, { cwd, encoding: 'utf8', timeout: 120_000 });
  };
  const right = check(
    `import { acquire, type Ended, type Lease, lease, Refused, run } from 'stint/client';
     const held: Lease = await lease({ min: 1, max: 2, changed: ({ type, slots }) => console.log(type, slots) });
     const slot = await acquire({ signal: AbortSignal.timeout(1) });
     slot.release();
     const ended: Ended = await run(['true'], { slots: { min: 1, max: 2 }, cwd: '/' });
     export const all = [held.slots, ended.code, new Refused(409, '').status];\n`,
  );
  assert.deepEqual([right.stdout, right.status], ['', 0]);
  const wrong = check("import { lease } from 'stint/client';\nexport const held = await lease({ min: 'two' });\n");
  assert.match(wrong.stdout, /^program\.ts\(2,35\): error TS2322: Type 'string' is not assignable to type 'number'/);
});
