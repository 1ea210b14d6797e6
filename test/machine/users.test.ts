// Two users on the machine's pool: a user with twenty builds has together what the one build of another has, or what the weights of
// the two say.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PATIENCE } from '../clients/rounds.ts';
import { type Machine, NOBODY, noMachine, startMachine } from '../helpers/machine.ts';
import { STINT, type Started } from '../helpers/pool.ts';
import { slotsOf } from '../helpers/sampling.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';

const BUILDS = 20;
/** A build keeps its first slot as long as it lives: so the least part of twenty builds is more than twenty. */
const SLOTS = 48;
/**
 * A make asks for one slot at a time, and what comes back before it asks again is somebody else's: so jobs are long, and of several
 * lengths, so that slots come back one by one. Seconds.
 */
const LENGTHS = [2, 2.4, 2.8, 3.2, 3.6, 4];
/** Looks at who has what, and milliseconds between two: together several times as long as a job. */
const LOOKS = 80;
const PERIOD = 150;
/** Slots by which the part of a user may differ from the just one, on average over all looks. */
const TOLERANCE = 2;
const OPEN = 'mode = "0666"\n';

/** Starts a make that has enough to do for the whole test. */
function startMake(machine: Machine, user: 'root' | 'nobody'): Started {
  const makefile = join(machine.folder, 'Makefile');
  const command = ['run', '--label', user, '--style', 'fifo', '--', toolPath('make44'), '-s', '-f', makefile];
  const options = { deadline: PATIENCE, cwd: '/', env: { HOME: '/nonexistent' } };
  if (user === 'root') return machine.start(command, options);
  return machine.spawn('setpriv', [...NOBODY, STINT, ...command], options);
}

/** The slots that nobody's build has on average, once all has settled. */
async function partOfNobody(t: TestContext, machine: Machine, just: number): Promise<number> {
  await machine.untilStatus((status) => Math.abs(slotsOf(status, 'nobody') - just) <= 1, PATIENCE / 3);
  let sum = 0;
  for (let look = 0; look < LOOKS; look++) {
    const status = await machine.status();
    assert.ok(status.free <= 1, `${status.free} slots are free`);
    sum += slotsOf(status, 'nobody');
    await pause(PERIOD);
  }
  t.diagnostic(`nobody has ${(sum / LOOKS).toFixed(1)} of ${SLOTS}, ${just} would be just`);
  return sum / LOOKS;
}

test('a user with twenty builds and a user with one share half and half, or as their weights say', {
  skip: noMachine() ?? missing('make44'),
  timeout: 2 * PATIENCE,
}, async (t) => {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, OPEN);
  const machine = await startMachine(t, SLOTS, { args: ['--config', config] });
  chmodSync(machine.folder, 0o755);
  const jobs = Array.from({ length: 1000 }, (_, i) => `job${i}`);
  const lines = jobs.map((job, i) => `${job}:\n\t@sleep ${LENGTHS[i % LENGTHS.length]}\n`);
  writeFileSync(join(machine.folder, 'Makefile'), `all: ${jobs.join(' ')}\n${lines.join('')}`);
  const builds = Array.from({ length: BUILDS }, () => startMake(machine, 'root'));
  await machine.untilStatus((status) => slotsOf(status, 'root') === SLOTS, PATIENCE / 3);
  builds.push(startMake(machine, 'nobody'));
  const half = await partOfNobody(t, machine, SLOTS / 2);
  assert.ok(Math.abs(half - SLOTS / 2) <= TOLERANCE, `${half} of ${SLOTS}`);

  writeFileSync(config, `${OPEN}[[rule]]\nuser = "root"\nweight = 2\n`);
  machine.daemon.kill('SIGHUP');
  const third = await partOfNobody(t, machine, SLOTS / 3);
  assert.ok(Math.abs(third - SLOTS / 3) <= TOLERANCE, `${third} of ${SLOTS}`);
  for (const build of builds) build.killAll('SIGKILL');
  await machine.stop();
});
