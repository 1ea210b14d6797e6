// A build that comes while a cargo has every slot, on both kinds of pool. Cargo returns none while it has work, and nobody can take one
// away: so the newcomer is given some beyond the pool, within a bound. Nobody who comes later gets ahead of it.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DEFAULT_POLICY, overcommitBound } from '../../src/core/policy.ts';
import { Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { type Pool, type Started, startPool } from '../helpers/pool.ts';
import { isStarting, sampled, slotsOf } from '../helpers/sampling.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { rules, Site, well } from '../machine/site.ts';
import { PATIENCE } from './rounds.ts';

const SLOTS = 4;
const BEYOND = overcommitBound(DEFAULT_POLICY, SLOTS);
const lacks = missing('make44', 'ninja', 'cargo', 'rustc');
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

type Tool = 'make44' | 'ninja';

/** A new build of FILES, each of which is made by a job. */
function startBuild(
  pool: Machine | Pool,
  site: Site,
  build: { name: string; tool: Tool; job: (file: string) => string },
): Started {
  const { name, tool, job } = build;
  const folder = join(site.folder, name);
  mkdirSync(folder);
  const jobs = FILES.map((file): [string, string] => [file, job(file)]);
  const edges = jobs.map(([file, command]) => `build ${file}: job\n  command = ${command}\n`);
  if (tool === 'ninja') writeFileSync(join(folder, 'build.ninja'), `rule job\n  command = $command\n${edges.join('')}`);
  else writeFileSync(join(folder, 'Makefile'), `all: ${FILES.join(' ')}\n${rules(Object.fromEntries(jobs))}`);
  const args = ['--label', name, '--style', 'fifo', '--', toolPath(tool), tool === 'ninja' ? '--quiet' : '-s'];
  return pool.spawnRun(args, site.options(name));
}

async function neverBehind(pool: Machine | Pool, site: Site): Promise<void> {
  const cargo = startCargo(pool, site, { crates: 12, job: site.job('crates') });
  await site.untilRunning(SLOTS, 'cargo');
  const samples = sampled(pool, (status) => {
    const [make, later] = [slotsOf(status, 'make'), slotsOf(status, 'later')];
    assert.ok(later <= make, `${later} slots for who came later, ${make} for the make`);
    assert.ok(status.overcommit <= BEYOND, `${status.overcommit} slots beyond the pool`);
    assert.equal(slotsOf(status, 'cargo'), SLOTS, 'cargo keeps what it has');
  });
  const start = (name: string) =>
    startBuild(pool, site, { name, tool: 'make44', job: (file) => site.job(`${name}-${file}`) });
  const make = start('make');
  await site.untilRunning(2, 'make'); // no gate of cargo's is open
  const later = start('later');
  await pool.untilStatus(isStarting('later'));
  assert.equal(site.begun('later'), 0, 'the bound is reached');
  site.open('make-file0');
  // Who has nothing goes first. In a pipe a make is faster than the daemon, and keeps what it returns.
  if (pool instanceof Machine) await site.untilRunning(1, 'later');
  for (const file of FILES.slice(1, -1)) {
    const [begun, others] = [site.begun('make'), site.begun('later')];
    site.open(`make-${file}`);
    // In a user's pool the daemon may once be the faster one: then the slot is the later build's, who has nothing.
    const goesOn = () => site.begun('make') > begun || site.begun('later') > others || begun === FILES.length;
    await until('the make goes on, or its slot is used by who has none', goesOn);
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

/** How long a build takes beside a cargo whose jobs are as long as its own. */
async function measure(t: TestContext, pool: Machine | Pool, tool: Tool): Promise<Beside> {
  const site = new Site(t);
  const timed = async (name: string) => {
    const began = performance.now();
    await well(startBuild(pool, site, { name, tool, job: () => `${site.trace} ${JOB}` }));
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

  for (const tool of ['make44', 'ninja'] as const) {
    test(`from ${kind} pool a ${tool} of ten files takes at most 2.5 times as long as alone`, options, async (t) => {
      const { ratio, left } = await measure(t, await start(t, SLOTS, { strict: false }), tool);
      assert.equal(left, SLOTS, 'cargo still has all that it had');
      assert.ok(ratio <= 2.5, `${ratio} times`);
    });
  }
}

test('with nothing beyond the pool a make waits until cargo has no more work', {
  skip: noMachine() ?? lacks,
  timeout: 2 * PATIENCE,
}, async (t) => {
  const { ratio } = await measure(t, await startMachine(t, SLOTS), 'make44');
  assert.ok(ratio > 2.5, `${ratio} times`);
});
