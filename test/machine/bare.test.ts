// Clients that nobody started under `stint run`: they have the machine's path in MAKEFLAGS, and the first job of each runs
// without a token. It cannot be held up, but it is charged: once, to the topmost client, and paid for by the next slot that
// comes back.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../src/api/schema.ts';
import { writePrefix } from '../clients/portage/prefix.ts';
import { KINDS, PYTHON_KINDS } from '../clients/projects.ts';
import { type Build, buildAll, openWorkshop, PATIENCE, peaks } from '../clients/rounds.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import type { Result, Started } from '../helpers/pool.ts';
import { seeded } from '../helpers/random.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { rules, Site, well } from './site.ts';

const SEED = Number(process.env.STINT_SEED ?? Date.now() % 1e9);
const SLOTS = 3;
/** What dies of a path cannot be bare, and pytest-jobserver needs a token beside its own job. */
const BARE = [...KINDS, ...PYTHON_KINDS].filter(({ inherits, least = 1 }) => !inherits && least === 1);

interface Bare {
  args?: readonly string[];
  env?: Record<string, string>;
}

/** Starts the make of a site's build without a wrapper. */
function bareMake(machine: Machine, site: Site, name: string, { args = [], env = {} }: Bare = {}): Started {
  const flags = { MAKEFLAGS: machine.makeflags(), ...env };
  return machine.spawn(toolPath('make44'), args, site.options(name, flags));
}

const sum = ({ builds }: Status, field: 'held' | 'implicit'): number =>
  builds.reduce((total, build) => total + build[field], 0);

const numbered = (letter: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${letter}${i}`);

const gated = (site: Site, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, site.job(name)]));

test('a bare build that comes while all slots are out adds its one job, which the next slot that comes back pays for', {
  skip: noMachine() ?? missing('make44'),
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  const [a, b] = [numbered('a', 6), numbered('b', 4)];
  site.makefile('first', `all: ${a.join(' ')}\n${rules(gated(site, a))}`);
  site.makefile('second', `all: ${b.join(' ')}\n${rules(gated(site, b))}`);
  const first = machine.spawnRun(['--style', 'fifo', '--', toolPath('make44')], site.options('first'));
  await site.untilRunning(3, 'first');
  const second = bareMake(machine, site, 'second');
  await site.untilRunning(1, 'second');
  const over = await machine.untilStatus(({ overcommit }) => overcommit === 1);
  assert.deepEqual([over.free, sum(over, 'implicit'), sum(over, 'held')], [-1, 2, 2]);
  site.open('a0');
  const paid = await machine.untilStatus(({ overcommit }) => overcommit === 0);
  assert.deepEqual([paid.free, sum(paid, 'implicit'), sum(paid, 'held')], [0, 2, 1]);
  await site.untilRunning(3);
  assert.equal(site.begun('first'), 3, 'no job began in place of the one that ended');
  site.open('b0', 'b1', 'b2', 'b3');
  await well(second);
  await site.untilRunning(3, 'first');
  site.open(...a);
  await well(first);
  site.assertPeak(SLOTS + 1);
  assert.equal(site.traced().builds.get('second')?.peak, 1);
  await machine.stop();
});

test('as many bare builds as slots run one job each, and nothing more is granted', {
  skip: noMachine() ?? missing('make44'),
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  const names = ['x', 'y', 'z'];
  const builds = names.map((name) => {
    const jobs = numbered(name, 4);
    const last = { last: site.job('last') };
    const first = { first: site.job('first') };
    const job = Object.fromEntries(jobs.map((one) => [one, site.job('middle')]));
    site.makefile(name, `all: last\n${rules(last, jobs.join(' '))}${rules(job, 'first')}${rules(first)}`);
    return bareMake(machine, site, name);
  });
  await site.untilRunning(3);
  site.open('first', 'middle');
  const asked: Status[] = [];
  const all = await machine.untilStatus((status) => {
    asked.push(status);
    return names.every((name) => site.begun(name) === 6);
  });
  for (const status of asked) assert.deepEqual([sum(status, 'implicit'), sum(status, 'held')], [3, 0]);
  assert.deepEqual([all.free, all.overcommit, all.surplus], [0, 0, 0]);
  site.open('last');
  for (const build of builds) await well(build);
  const traced = site.traced();
  assert.deepEqual(
    names.map((name) => traced.builds.get(name)?.peak),
    [1, 1, 1],
  );
  await machine.stop();
});

test('a bare build is named by its session: kind, label, user, and its clients with program and node', {
  skip: noMachine() ?? missing('make44', 'ninja'),
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  site.makefile('bare', `all: a\n${rules(gated(site, ['a']))}`);
  site.makefile('wrapped', `all: b\n${rules(gated(site, ['b']))}`);
  const bare = bareMake(machine, site, 'bare');
  await site.untilRunning(1, 'bare');
  const wrapped = machine.spawnRun(['--style', 'fifo', '--', toolPath('make44')], site.options('wrapped'));
  await site.untilRunning(2);
  const { builds } = await machine.status();
  assert.deepEqual(
    builds.map(({ kind, label, user, rootPid, implicit }) => ({ kind, label, user, rootPid, implicit })),
    [
      { kind: 'session', label: 'make bare', user: 'root', rootPid: bare.pid, implicit: 1 },
      { kind: 'run', label: 'make wrapped', user: 'root', rootPid: wrapped.pid, implicit: 1 },
    ],
  );
  assert.deepEqual(
    builds.map(({ cwd, clients = [] }) => [
      basename(cwd),
      ...clients.map(({ program, node, pid }) => ({ program, node, pid })),
    ]),
    [
      ['bare', { program: 'make', node: 'file', pid: bare.pid }],
      ['wrapped', { program: 'make', node: 'file', pid: wrapped.pid }],
    ],
  );
  site.open('a', 'b');
  await well(bare);
  await well(wrapped);
  await machine.stop();
});

test('sub-makes are not charged', { skip: noMachine() ?? missing('make44'), timeout: PATIENCE }, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  site.makefile(
    'top',
    `all: sub\nsub:\n\t+@$(MAKE) again\nagain:\n\t+@$(MAKE) deep\ndeep: a b\n${rules(gated(site, ['a', 'b']))}`,
  );
  const top = bareMake(machine, site, 'top');
  await site.untilRunning(2);
  const { builds } = await machine.status();
  assert.deepEqual(
    builds.map(({ implicit, held, clients = [] }) => [implicit, held, clients.map((client) => client.implicit)]),
    [[1, 1, [1, 0, 0]]],
  );
  site.open('a', 'b');
  await well(top);
  await machine.stop();
});

test('rustc under cargo is not charged', {
  skip: noMachine() ?? missing('cargo', 'rustc', 'gcc'),
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  const [folder, linker] = [join(site.folder, 'crates'), join(site.folder, 'linker')];
  for (const name of ['a', 'b']) {
    mkdirSync(join(folder, name, 'src'), { recursive: true });
    writeFileSync(
      join(folder, name, 'Cargo.toml'),
      `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n`,
    );
    writeFileSync(join(folder, name, 'src/main.rs'), 'fn main() {}\n');
  }
  writeFileSync(join(folder, 'Cargo.toml'), '[workspace]\nresolver = "2"\nmembers = ["a", "b"]\n');
  // rustc waits while it links, with the jobserver open.
  writeFileSync(linker, `#!/bin/sh\n${site.job('link')} && exec ${toolPath('gcc')} "$@"\n`, { mode: 0o755 });
  const env = { MAKEFLAGS: machine.makeflags(), RUSTFLAGS: `-C linker=${linker}`, CARGO_TERM_COLOR: 'never' };
  const cargo = machine.spawn(toolPath('cargo'), ['build', '--offline', '--quiet'], site.options('crates', env));
  await site.untilRunning(2);
  const { builds } = await machine.status();
  assert.deepEqual(
    builds.map(({ implicit, held, clients = [] }) => [
      implicit,
      held,
      clients.map((client) => `${client.program} ${client.implicit}`).sort(),
    ]),
    [[1, 1, ['cargo 1', 'rustc 0', 'rustc 0']]],
  );
  site.open('link');
  await well(cargo);
  await machine.stop();
});

test('the second of two makes side by side under one stint run is charged', {
  skip: noMachine() ?? missing('make44'),
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  site.makefile('both', `one: a\ntwo: b\n${rules(gated(site, ['a', 'b']))}`);
  const script = `${toolPath('make44')} one & ${toolPath('make44')} two & wait`;
  const both = machine.spawnRun(['--style', 'fifo', '--', 'sh', '-c', script], site.options('both'));
  await site.untilRunning(2);
  const { builds } = await machine.status();
  assert.deepEqual(
    builds.map(({ kind, implicit, held, clients = [] }) => [
      kind,
      implicit,
      held,
      clients.map((client) => client.implicit).sort(),
    ]),
    [['run', 2, 0, [0, 1]]],
  );
  site.open('a', 'b');
  await well(both);
  await machine.stop();
});

test('a stint run inside a stint run joins its build and takes no further slot', {
  skip: noMachine() ?? missing('make44'),
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  site.makefile('inner', `all: a b\n${rules(gated(site, ['a', 'b']))}`);
  const script = 'echo $STINT_BUILD; $STINT run --style fifo -- sh -c "echo \\$STINT_BUILD; exec $MAKE"';
  const outer = machine.shell(`$STINT run --style fifo -- sh -c '${script}'`, {
    ...site.options('inner'),
    env: { ...site.options('inner').env, MAKE: toolPath('make44') },
  });
  await site.untilRunning(2);
  const { builds } = await machine.status();
  assert.deepEqual(
    builds.map(({ kind, implicit, held }) => [kind, implicit, held]),
    [['run', 1, 1]],
  );
  site.open('a', 'b');
  const { code, stdout, stderr } = await outer;
  assert.equal(code, 0, stderr);
  const [id, inner] = stdout.split('\n');
  assert.equal(id, String(builds[0]?.id));
  assert.equal(inner, id);
  await machine.stop();
});

test('a bare emerge whose jobserver stands in make.conf only is not charged', {
  skip: noMachine() ?? missing('emerge', 'make44'),
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, SLOTS);
  const [file = '', ...args] = writePrefix({
    folder: `${site.folder}/prefix`,
    packages: [[site.job('a')], [site.job('b')]],
    settings: `MAKEFLAGS="${machine.makeflags()}"`,
  });
  const emerge = machine.spawn(file, args, site.options('emerge'));
  await site.untilRunning(2);
  const { builds } = await machine.status();
  const clients = builds.flatMap((build) => build.clients ?? []);
  assert.deepEqual([builds.length, builds[0]?.implicit, builds[0]?.held], [1, 0, 2], JSON.stringify(builds));
  assert.equal(clients.find(({ program }) => program === 'emerge')?.implicit, 0);
  site.open('a', 'b');
  await well(emerge);
  await machine.stop();
});

for (const kind of BARE) {
  test(`${kind.name} alone and bare keeps to the pool and uses it`, {
    skip: noMachine() ?? missing(...kind.needs),
    timeout: PATIENCE,
  }, async (t) => {
    const workshop = openWorkshop(t);
    const machine = await startMachine(t, SLOTS);
    const traced = await buildAll(machine, workshop, { kinds: [kind], random: seeded(SEED), start: bare(machine) });
    assert.ok(traced.all.peak <= SLOTS, `${peaks(traced)}, seed ${SEED}`);
    assert.ok(traced.all.peak > 1, `it found slots beyond its first, seed ${SEED}`);
    await machine.stop();
  });
}

test(`bare builds of all kinds at once exceed the pool by no more than their own jobs, seed ${SEED}`, {
  skip: noMachine() ?? missing(...BARE.flatMap(({ needs }) => needs)),
  timeout: 2 * PATIENCE,
}, async (t) => {
  const workshop = openWorkshop(t);
  const machine = await startMachine(t, SLOTS);
  const random = seeded(SEED);
  for (let round = 0; round < 2; round++) {
    const kinds = round === 0 ? BARE : BARE.filter(({ name }) => name !== 'portage');
    const traced = await buildAll(machine, workshop, { kinds, random, start: bare(machine) });
    // The first of them found all slots free.
    assert.ok(traced.all.peak <= SLOTS + kinds.length - 1, `${peaks(traced)}, seed ${SEED}`);
    assert.equal((await machine.status()).surplus, 0, `seed ${SEED}`);
  }
  await machine.stop();
});

/** Starts builds with the machine's path in their environment. */
function bare(machine: Machine): (build: Build) => Promise<Result> {
  return ({ args: [file = '', ...args], cwd, env }) =>
    machine.spawn(file, args, { cwd, env: { ...env, MAKEFLAGS: machine.makeflags() }, deadline: PATIENCE }).ended;
}
