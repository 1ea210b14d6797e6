// A make that comes while a cargo has every slot, on both kinds of pool. Cargo returns none while it has work, and nobody can take one
// away: so the make is given some beyond the pool, within a bound. Nobody who comes later gets ahead of it.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DEFAULT_POLICY, overcommitBound } from '../../src/core/policy.ts';
import { Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { type Pool, type Started, startPool } from '../helpers/pool.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { isStarting, sampled, slotsOf } from '../machine/sampling.ts';
import { rules, Site, well } from '../machine/site.ts';
import { PATIENCE } from './rounds.ts';

const SLOTS = 4;
const BEYOND = overcommitBound(DEFAULT_POLICY, SLOTS);
const lacks = missing('make44', 'cargo', 'rustc');
const FILES = Array.from({ length: 10 }, (_, i) => `file${i}`);

/** A cargo whose crates do not depend on each other; before each is compiled, `job` runs. */
function startCargo(pool: Machine | Pool, site: Site, { crates, job }: { crates: number; job: string }): Started {
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
  const env = { RUSTC_WRAPPER: wrapper, CARGO_TERM_COLOR: 'never', CARGO_TARGET_DIR: join(pool.folder, 'target') };
  const args = ['--label', name, '--', toolPath('cargo'), 'build', '--offline', '--quiet'];
  return pool.spawnRun(args, site.options(name, env));
}

/** The make of the makefile `name`. */
function startMake(pool: Machine | Pool, site: Site, name: string): Started {
  return pool.spawnRun(['--label', name, '--style', 'fifo', '--', toolPath('make44'), '-s'], site.options(name));
}

/** Has each of FILES made by a job. */
function makefile(site: Site, name: string, job: (file: string) => string): void {
  const jobs = Object.fromEntries(FILES.map((file) => [file, job(file)]));
  site.makefile(name, `all: ${FILES.join(' ')}\n${rules(jobs)}`);
}

async function neverBehind(pool: Machine | Pool, site: Site): Promise<void> {
  const cargo = startCargo(pool, site, { crates: 12, job: site.job('crates') });
  await site.untilRunning(SLOTS, 'cargo');
  makefile(site, 'make', (file) => site.job(`make-${file}`));
  makefile(site, 'later', (file) => site.job(`later-${file}`));
  const samples = sampled(pool, (status) => {
    const [make, later] = [slotsOf(status, 'make'), slotsOf(status, 'later')];
    assert.ok(later <= make, `${later} slots for who came later, ${make} for the make`);
    assert.ok(status.overcommit <= BEYOND, `${status.overcommit} slots beyond the pool`);
    assert.equal(slotsOf(status, 'cargo'), SLOTS, 'cargo keeps what it has');
  });
  const make = startMake(pool, site, 'make');
  await site.untilRunning(2, 'make'); // no gate of cargo's is open
  const later = startMake(pool, site, 'later');
  await pool.untilStatus(isStarting('later'));
  assert.equal(site.begun('later'), 0, 'the bound is reached');
  site.open('make-file0');
  // Who has nothing goes first. In a pipe a make is faster than the daemon, and keeps what it returns.
  if (pool instanceof Machine) await site.untilRunning(1, 'later');
  for (const file of FILES.slice(1, -1)) {
    const begun = site.begun('make');
    site.open(`make-${file}`);
    await until('the make goes on', () => site.begun('make') > begun || begun === FILES.length);
  }
  await samples.stop();
  site.open(...FILES.flatMap((file) => [`make-${file}`, `later-${file}`]), 'crates');
  await Promise.all([cargo, make, later].map(well));
  site.assertPeak(SLOTS + BEYOND);
  await pool.stop();
}

/** Jobs of a second, so that the noise of the machine does not matter. */
const JOB = 'sleep 1';
/** Many more than are compiled while the make runs. */
const CRATES = 48;

interface Beside {
  /** Times as long as alone. */
  ratio: number;
  /** Slots that cargo had when the make had ended. */
  left: number;
}

/** How long a make takes beside a cargo whose jobs are as long as its own. */
async function measure(t: TestContext, pool: Machine | Pool, site: Site): Promise<Beside> {
  const timed = async (name: string) => {
    makefile(site, name, () => `${site.trace} ${JOB}`);
    const began = performance.now();
    await well(startMake(pool, site, name));
    return (performance.now() - began) / 1000;
  };
  const alone = await timed('alone');
  const hurry = join(site.folder, 'hurry');
  const job = `[ -e ${hurry} ] || ${site.trace} ${JOB}`;
  const cargo = startCargo(pool, site, { crates: CRATES, job });
  await site.untilRunning(SLOTS, 'cargo');
  const beside = await timed('beside');
  const left = slotsOf(await pool.status(), 'cargo');
  site.open('hurry');
  await well(cargo);
  site.assertPeak(SLOTS + BEYOND);
  await pool.stop();
  const ratio = beside / alone;
  t.diagnostic(`alone ${alone.toFixed(1)} s, beside cargo ${beside.toFixed(1)} s: ${ratio.toFixed(2)} times`);
  return { ratio, left };
}

for (const [kind, start, skip] of [
  ["a user's", startPool, lacks],
  ["the machine's", startMachine, noMachine() ?? lacks],
] as const) {
  const options = { skip, timeout: 2 * PATIENCE };

  test(`from ${kind} pool a make begins at once, and who comes later never has more than it`, options, async (t) => {
    await neverBehind(await start(t, SLOTS, { strict: false }), new Site(t));
  });

  test(`from ${kind} pool a make of ten files takes at most 2.5 times as long as alone`, options, async (t) => {
    const { ratio, left } = await measure(t, await start(t, SLOTS, { strict: false }), new Site(t));
    assert.equal(left, SLOTS, 'cargo still has all that it had');
    assert.ok(ratio <= 2.5, `${ratio} times`);
  });

  test(`with nothing beyond ${kind} pool it waits until cargo has no more work`, options, async (t) => {
    const { ratio } = await measure(t, await start(t, SLOTS), new Site(t));
    assert.ok(ratio > 2.5, `${ratio} times`);
  });
}
