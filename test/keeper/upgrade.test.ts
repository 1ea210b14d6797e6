// Upgrades in place: the keeper becomes the program that is installed now, and builds go on. The program is a copy that is changed under
// the daemon, and at every other upgrade so is the format of its journal. STINT_ROUNDS says how often.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { startPool } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { copyProgram } from './copy.ts';

const ROUNDS = Number(process.env.STINT_ROUNDS ?? 5);
const PATIENCE = 90_000;

test(`a daemon of the machine is upgraded ${ROUNDS} times while builds run`, {
  skip: noMachine() ?? missing('make43', 'make44'),
  timeout: 280_000 + 10_000 * ROUNDS,
}, async (t) => {
  const copy = copyProgram(t);
  copy.setFormat(1, 1);
  const machine = await startMachine(t, 3, { stint: copy.stint });
  const targets = Array.from({ length: 10 + 8 * ROUNDS }, (_, i) => `t${i}`).join(' ');
  writeFileSync(join(machine.folder, 'm.mk'), `all: ${targets}\n${targets}:\n\t@sleep 0.5\n`);
  const bare = machine.spawn(toolPath('make44'), ['-f', 'm.mk'], {
    env: { MAKEFLAGS: machine.makeflags() },
    deadline: 600_000,
  });
  const run = machine.spawnRun(['--', toolPath('make43'), '-f', 'm.mk'], { deadline: 600_000 });
  await machine.untilStatus(({ builds }) => builds.length === 2 && builds.every(({ state }) => state === 'running'));
  for (let round = 1; round <= ROUNDS; round++) {
    copy.setVersion(`0.1.${round}`);
    const newer = Math.ceil(round / 2);
    copy.setFormat(1 + newer, 1 + newer);
    const { code, stdout, stderr } = await machine.stint(['upgrade'], { deadline: PATIENCE });
    assert.equal(code, 0, `round ${round}: ${stderr}${machine.daemon.output.stderr}`);
    assert.match(stdout, new RegExp(`^stint: 0\\.1\\.${round - 1} goes on as 0\\.1\\.${round}, with process \\d+\n$`));
    const { pids, daemon } = await machine.status();
    assert.equal(pids.keeper, machine.daemon.pid);
    assert.equal(daemon.restarts, round);
  }
  for (const { ended } of [bare, run]) {
    const { code, stderr } = await ended;
    assert.deepEqual([code, stderr], [0, '']);
  }
  await machine.stop();
});

test('a program that does not start takes nobody down', async (t) => {
  const copy = copyProgram(t);
  const pool = await startPool(t, 2, { stint: copy.stint });
  const before = await pool.status();
  const mend = copy.damage('src/keeper/keeper.ts');
  process.kill(pool.daemon.pid, 'SIGUSR2');
  await until('it says so', () => /^stint: not upgraded: /m.test(pool.daemon.output.stderr), PATIENCE);
  assert.deepEqual((await pool.status()).pids, before.pids);
  mend();
  assert.equal((await pool.stint(['upgrade'], { deadline: PATIENCE })).code, 0);
  assert.equal(readFileSync(join(pool.dir, 'lock'), 'utf8'), `${pool.daemon.pid}\n`);
  assert.equal((await pool.run(['--', 'true'])).code, 0);
  pool.daemon.kill('SIGTERM');
  assert.equal((await pool.daemon.ended).code, 0);
  assert.equal(existsSync(pool.socket), false);
});

test('there is nothing to upgrade where there is no daemon', async (t) => {
  const pool = await startPool(t, 1);
  await pool.stop();
  assert.equal((await pool.stint(['upgrade'])).code, 3);
});
