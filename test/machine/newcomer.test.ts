// A make that comes while a cargo has every slot of the machine's pool. Cargo returns none while it has work, and nobody can take
// one away: so the make is given some beyond the pool, within a bound. Nobody who comes later gets ahead of it.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DEFAULT_POLICY, overcommitBound } from '../../src/core/policy.ts';
import { PATIENCE } from '../clients/rounds.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import type { Started } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { isStarting, sampled, slotsOf } from './sampling.ts';
import { rules, Site, well } from './site.ts';

const SLOTS = 4;
const BEYOND = overcommitBound(DEFAULT_POLICY, SLOTS);
const skip = noMachine() ?? missing('make44', 'cargo', 'rustc');
const FILES = Array.from({ length: 10 }, (_, i) => `file${i}`);

/** A cargo whose crates do not depend on each other; before each is compiled, `job` runs. */
function startCargo(machine: Machine, site: Site, { crates, job }: { crates: number; job: string }): Started {
  const name = 'cargo';
  const folder = join(site.folder, name);
  const members = Array.from({ length: crates }, (_, i) => `crate${i}`);
  for (const member of members) {
    mkdirSync(join(folder, member, 'src'), { recursive: true });
    const manifest = `[package]\nname = "${member}"\nversion = "0.1.0"\nedition = "2021"\n`;
    writeFileSync(join(folder, member, 'Cargo.toml'), manifest);
    writeFileSync(join(folder, member, 'src/lib.rs'), '');
  }
  writeFileSync(join(folder, 'Cargo.toml'), `[workspace]\nresolver = "2"\nmembers = ${JSON.stringify(members)}\n`);
  // It is also asked for the version of rustc, and that is no job.
  const wrapper = join(site.folder, 'wrapper');
  writeFileSync(wrapper, `#!/bin/sh\ncase "$*" in *"--crate-name crate"*) ${job} || exit;; esac\nexec "$@"\n`);
  chmodSync(wrapper, 0o755);
  const env = { RUSTC_WRAPPER: wrapper, CARGO_TERM_COLOR: 'never', CARGO_TARGET_DIR: join(machine.folder, 'target') };
  const args = ['--label', name, '--', toolPath('cargo'), 'build', '--offline', '--quiet'];
  return machine.spawnRun(args, site.options(name, env));
}

/** The make of the makefile `name`. */
function startMake(machine: Machine, site: Site, name: string): Started {
  return machine.spawnRun(['--label', name, '--style', 'fifo', '--', toolPath('make44'), '-s'], site.options(name));
}

/** Has each of FILES made by a job. */
function makefile(site: Site, name: string, job: (file: string) => string): void {
  const jobs = Object.fromEntries(FILES.map((file) => [file, job(file)]));
  site.makefile(name, `all: ${FILES.join(' ')}\n${rules(jobs)}`);
}

test('beside a cargo that returns nothing a make begins at once, and a build that comes later never has more than it', {
  skip,
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS, { strict: false });
  const cargo = startCargo(machine, site, { crates: 12, job: site.job('crates') });
  await site.untilRunning(SLOTS, 'cargo');
  makefile(site, 'make', (file) => site.job(`make-${file}`));
  makefile(site, 'later', (file) => site.job(`later-${file}`));
  const samples = sampled(machine, (status) => {
    const [make, later] = [slotsOf(status, 'make'), slotsOf(status, 'later')];
    assert.ok(later <= make, `${later} slots for who came later, ${make} for the make`);
    assert.ok(status.overcommit <= BEYOND, `${status.overcommit} slots beyond the pool`);
    assert.equal(slotsOf(status, 'cargo'), SLOTS, 'cargo keeps what it has');
  });
  const make = startMake(machine, site, 'make');
  await site.untilRunning(2, 'make'); // no gate of cargo's is open
  const later = startMake(machine, site, 'later');
  await machine.untilStatus(isStarting('later'));
  assert.equal(site.begun('later'), 0, 'the bound is reached');
  site.open('make-file0');
  await site.untilRunning(1, 'later'); // who has nothing goes first
  for (const file of FILES.slice(1, -1)) {
    const begun = site.begun('make');
    site.open(`make-${file}`);
    await until('the make goes on', () => site.begun('make') > begun || begun === FILES.length);
  }
  await samples.stop();
  site.open(...FILES.flatMap((file) => [`make-${file}`, `later-${file}`]), 'crates');
  await Promise.all([cargo, make, later].map(well));
  site.assertPeak(SLOTS + BEYOND);
  await machine.stop();
});

/** Jobs of a second, so that the noise of the machine does not matter. */
const JOB = 'sleep 1';
/** Many more than are compiled while the make runs. */
const CRATES = 48;

interface Times {
  /** Times as long as alone. */
  ratio: number;
  /** Slots that cargo had when the make had ended. */
  left: number;
}

/** How long a make takes beside a cargo whose jobs are as long as its own. */
async function measure(t: TestContext, settings: readonly string[]): Promise<Times> {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS, { strict: false });
  if (settings.length > 0) assert.equal((await machine.stint(['set', ...settings])).code, 0);
  const timed = async (name: string) => {
    makefile(site, name, () => `${site.trace} ${JOB}`);
    const began = performance.now();
    await well(startMake(machine, site, name));
    return (performance.now() - began) / 1000;
  };
  const alone = await timed('alone');
  const hurry = join(site.folder, 'hurry');
  const job = `[ -e ${hurry} ] || ${site.trace} ${JOB}`;
  const cargo = startCargo(machine, site, { crates: CRATES, job });
  await site.untilRunning(SLOTS, 'cargo');
  const beside = await timed('beside');
  const left = slotsOf(await machine.status(), 'cargo');
  site.open('hurry');
  await well(cargo);
  site.assertPeak(SLOTS + BEYOND);
  await machine.stop();
  const ratio = beside / alone;
  t.diagnostic(`alone ${alone.toFixed(1)} s, beside cargo ${beside.toFixed(1)} s: ${ratio.toFixed(2)} times`);
  return { ratio, left };
}

test('a make of ten files takes at most 2.5 times as long while a cargo has every slot as alone', {
  skip,
  timeout: 2 * PATIENCE,
}, async (t) => {
  const { ratio, left } = await measure(t, []);
  assert.equal(left, SLOTS, 'cargo still has all that it had');
  assert.ok(ratio <= 2.5, `${ratio} times`);
});

test('without slots beyond the pool it waits until cargo has no more work', {
  skip,
  timeout: 2 * PATIENCE,
}, async (t) => {
  const { ratio } = await measure(t, ['share.first_slot=wait', 'share.newcomer_overcommit=0']);
  assert.ok(ratio > 2.5, `${ratio} times`);
});
