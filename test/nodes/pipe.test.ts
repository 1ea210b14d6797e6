// The pipe node on real FIFOs: what a build finds in its pipe, what is taken out of it again, and what comes back when.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, unlinkSync } from 'node:fs';
import { test } from 'node:test';
import { factsOf, giveBack, TestEngine, take, takeAll } from '../helpers/engine.ts';
import { until } from '../helpers/until.ts';

test('a build that is alone finds every slot but its first in its pipe', async (t) => {
  const engine = new TestEngine(t, 4);
  const { build, fd } = await engine.start();
  await takeAll(fd, 3);
  assert.equal(take(fd, 1), 0);
  const { implicit, held, offered } = await engine.figures(build);
  assert.deepEqual({ implicit, held, offered }, { implicit: 1, held: 3, offered: 0 });
  closeSync(fd);
});

test('a newcomer gets its first slot out of the pipe of another build that has not taken it', async (t) => {
  const engine = new TestEngine(t, 2);
  const { build, fd } = await engine.start();
  const second = await engine.start();
  assert.equal((await engine.figures(build)).offered, 0);
  closeSync(fd);
  closeSync(second.fd);
});

test('a newcomer waits for its first slot while all are held, and gets the next that comes back', async (t) => {
  const engine = new TestEngine(t, 2);
  const { fd } = await engine.start();
  await takeAll(fd, 1);
  const waiting = engine.open();
  const { state, waiting: count } = await engine.figures(waiting);
  assert.deepEqual({ state, count }, { state: 'starting', count: 1 });
  giveBack(fd, 1);
  await until('it starts', () => waiting.fifo !== undefined);
  closeSync(fd);
});

test('what one build leaves lying, another can take, whatever their number', async (t) => {
  const engine = new TestEngine(t, 4);
  const builds = await Promise.all([engine.start(0), engine.start(0), engine.start(0)]);
  for (const { fd } of builds) {
    await takeAll(fd, 4);
    giveBack(fd, 4);
  }
  for (const { fd } of builds) closeSync(fd);
});

test('tokens returned by somebody who took none are counted and never enlarge the pool', async (t) => {
  const engine = new TestEngine(t, 3);
  const { build, fd } = await engine.start();
  const other = await engine.start(); // so that the pipe is watched
  giveBack(fd, 5, 'x');
  await until('they are found', async () => (await engine.figures(build)).surplus === 5);
  const { builds } = await engine.snapshot();
  assert.equal(
    builds.reduce((sum, b) => sum + b.implicit + b.held + b.offered, 0),
    3,
  );
  closeSync(fd);
  closeSync(other.fd);
});

test('any byte is a token', async (t) => {
  const engine = new TestEngine(t, 3);
  const { build, fd } = await engine.start();
  await takeAll(fd, 2);
  giveBack(fd, 1, '\0');
  giveBack(fd, 1, '\xff');
  assert.equal((await engine.figures(build)).held, 0);
  closeSync(fd);
});

test('when the root is gone and nobody has the pipe open, everything comes back and the FIFO is removed', async (t) => {
  const engine = new TestEngine(t, 4);
  const { build, fd } = await engine.start();
  await takeAll(fd, 3);
  closeSync(fd);
  await engine.end(build);
  assert.deepEqual((await engine.snapshot()).builds, []);
  assert.equal(existsSync(build.fifo as string), false);
});

test('a build lives on while something it left behind has its pipe open, draws from the pool, and ends with it', async (t) => {
  const engine = new TestEngine(t, 4);
  const { build, fd } = await engine.start();
  const other = await engine.start();
  await takeAll(fd, 1);
  build.root.kill('SIGKILL');
  await until('it is left', async () => (await engine.figures(build)).state === 'left');
  assert.equal((await engine.figures(build)).implicit, 1, 'it works, so its first slot stays charged');
  await takeAll(fd, 1);
  assert.equal((await engine.figures(build)).held, 2);
  giveBack(fd, 2);
  await until(
    'its first slot comes back when it holds nothing',
    async () => (await engine.figures(build)).implicit === 0,
  );
  await takeAll(other.fd, 3);
  closeSync(fd);
  await until('it ends', () => build.ended);
  closeSync(other.fd);
});

test('slots that a killed client took with it are shown as stranded, and come back when the build ends', async (t) => {
  const engine = new TestEngine(t, 4);
  const { build, fd } = await engine.start();
  closeSync(fd);
  const client = spawn('sh', ['-c', 'exec 3<>"$0"; head -c 2 <&3 >/dev/null; exec sleep 1000', build.fifo as string]);
  await until('it holds two', async () => (await engine.figures(build)).held === 2);
  assert.equal((await engine.figures(build)).stranded, 0);
  client.kill('SIGKILL');
  await until('they are stranded', async () => (await engine.figures(build)).stranded === 2);
  await engine.end(build);
  assert.deepEqual((await engine.snapshot()).builds, []);
});

test('a smaller pool takes back what nobody has taken', async (t) => {
  const engine = new TestEngine(t, 6);
  const { build, fd } = await engine.start();
  await takeAll(fd, 2);
  engine.handle.setCapacity(2);
  await until('the offers are gone', async () => (await engine.figures(build)).offered === 0);
  assert.equal(take(fd, 1), 0);
  giveBack(fd, 2);
  await until('one of them is all that is left', async () => (await engine.figures(build)).offered === 1);
  engine.handle.setCapacity(6);
  await takeAll(fd, 5);
  closeSync(fd);
});

test('a build whose FIFO was removed by somebody goes on for those who have it open', async (t) => {
  const engine = new TestEngine(t, 3);
  const { build, fd } = await engine.start();
  unlinkSync(build.fifo as string);
  const other = await engine.start();
  await takeAll(fd, 1);
  giveBack(fd, 1);
  await takeAll(other.fd, 1);
  closeSync(fd);
  await engine.end(build);
  closeSync(other.fd);
});

test('a root that is gone before its build opens is told', async (t) => {
  const engine = new TestEngine(t, 1);
  engine.handle.open(99, factsOf(2 ** 22 + 1), { implicit: 1 });
  await until('it is told', () => engine.failures.length === 1);
  assert.match(engine.failures[0] as string, /ESRCH/);
});
