// `stint env`: what it prints is taken by a shell, by make and ninja, and by whoever else it is for.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { goodPath, pathWith } from '../helpers/doctor.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { Place, type SpawnOptions, startPool } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';

const skip = noMachine() ?? missing('make44', 'ninja', 'ctest');

const settings = async (machine: Machine, what: string, env: SpawnOptions['env'] = {}): Promise<string> => {
  const { code, stdout, stderr } = await machine.stint(['env', ...(what === '' ? [] : ['--for', what])], {
    env: { PATH: goodPath(machine), ...env },
  });
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
};

for (const [what, file, content] of [
  ['make', 'Makefile', 'all: a b c\na b c:\n\t@sleep 1000\n'],
  ['ninja', 'build.ninja', 'rule wait\n command = sleep 1000\nbuild a: wait\nbuild b: wait\nbuild c: wait\n'],
] as const) {
  test(`a shell that evaluates them has a ${what} that draws from the pool`, { skip }, async (t) => {
    const machine = await startMachine(t, 3);
    writeFileSync(join(machine.folder, file), content);
    const env = { PATH: goodPath(machine), MAKEFLAGS: 'k -j9', NINJAOPTS: '-j9', CMAKE_BUILD_PARALLEL_LEVEL: '9' };
    const script = `eval "$("$STINT" env --for ${what})" && echo "$MAKEFLAGS$CMAKE_BUILD_PARALLEL_LEVEL" && exec ${what}`;
    const build = machine.shell(script, { env });
    const { builds } = await machine.untilStatus(({ free }) => free === 0);
    assert.deepEqual(
      builds.flatMap(({ clients = [] }) => clients).map(({ program, held, implicit }) => [program, held, implicit]),
      [[what, 2, 1]],
    );
    process.kill(builds[0]?.clients?.[0]?.pid as number, 'SIGTERM');
    const { stdout } = await build;
    assert.equal(stdout.split('\n')[0], `k -j3 --jobserver-auth=fifo:${machine.node}`);
    await machine.stop();
  });
}

/** What Portage itself makes of a make.conf. */
const PORTAGE_READS = `
import json, sys
from portage.util import getconfig
print(json.dumps(getconfig(sys.argv[1], expand={})))
`;

test('each form is what its reader takes', { skip: skip || missing('emerge', 'tokenpool') }, async (t) => {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, 'group = 4\n');
  const machine = await startMachine(t, 5, { args: ['--config', config] });
  const makeflags = ` -j5 --jobserver-auth=fifo:${machine.node}`;
  const both = [`MAKEFLAGS=${makeflags}`, `CARGO_MAKEFLAGS=${makeflags}`];
  const lines = async (what: string, env = {}) => (await settings(machine, what, env)).split('\n').slice(0, -1);

  assert.deepEqual(await lines('', { CARGO_BUILD_JOBS: '4' }), [
    `export MAKEFLAGS='${makeflags}'`,
    `export CARGO_MAKEFLAGS='${makeflags}'`,
    'unset CARGO_BUILD_JOBS',
  ]);
  assert.deepEqual(await lines('cargo'), [`export CARGO_MAKEFLAGS='${makeflags}'`]);
  assert.deepEqual(await lines('ci'), both);
  const portage = await lines('portage');
  assert.deepEqual(
    portage.filter((line) => !line.startsWith('#')),
    [`MAKEFLAGS="${makeflags}"`, 'FEATURES="${FEATURES} jobserver-token"', ...['NINJAOPTS="-l0"', 'MAKEOPTS="-j1"']],
  );
  const makeConf = join(machine.folder, 'make.conf');
  writeFileSync(makeConf, `FEATURES="userpriv"\n${portage.join('\n')}\n`);
  const read = await machine.spawn(toolPath('tokenpool'), ['-c', PORTAGE_READS, makeConf]).ended;
  assert.deepEqual(
    JSON.parse(read.stdout),
    { FEATURES: 'userpriv jobserver-token', MAKEFLAGS: makeflags, NINJAOPTS: '-l0', MAKEOPTS: '-j1' },
    read.stderr,
  );
  assert.deepEqual(await lines('systemd'), [
    '[Service]',
    ...both.map((line) => `Environment="${line}"`),
    `BindPaths=${machine.mount}`,
    'SupplementaryGroups=adm',
  ]);
  const { stdout } = await machine.shell(`eval "printf '%s\\n' run $("$STINT" env --for docker) image"`);
  const [variable, cargo] = both.flatMap((line) => [line]);
  assert.deepEqual(stdout.split('\n').slice(0, -1), [
    ...['run', '--volume', `${machine.mount}:${machine.mount}`],
    ...['--env', variable, '--env', cargo, '--group-add', '4', 'image'],
  ]);
  await machine.stop();
});

test('a client that is too old for them is told, and gets none', { skip }, async (t) => {
  const machine = await startMachine(t, 2);
  const PATH = pathWith(machine, 'make', 'GNU Make 4.3');
  const make = await machine.stint(['env', '--for', 'make'], { env: { PATH } });
  assert.deepEqual([make.code, make.stdout], [1, '']);
  assert.match(make.stderr, /^stint: make 4\.3 ends with an error on a path\nhint: start it by stint run, .*\n$/);
  const all = await machine.stint(['env'], { env: { PATH } });
  assert.deepEqual(
    [all.code, all.stderr],
    [0, 'stint: leaving out MAKEFLAGS: make 4.3 ends with an error on a path\n'],
  );
  assert.match(all.stdout, /^export CARGO_MAKEFLAGS=.*\n$/);
  const ci = await machine.stint(['env', '--for', 'ci'], { env: { PATH } });
  assert.deepEqual([ci.code, ci.stdout.split('\n').length], [0, 3]);
  assert.match(ci.stderr, /^stint: make 4\.3 ends with an error on a path: start makes by stint run, .*\n$/);
  const old = await machine.stint(['env', '--for', 'ninja'], { env: { PATH: pathWith(machine, 'ninja', '1.11.1') } });
  assert.deepEqual([old.code, old.stdout], [1, '']);
  await machine.stop();
});

test('without a pool of the machine there are none, also where a user has one', async (t) => {
  const pool = await startPool(t, 2);
  const { code, stdout, stderr } = await pool.stint(['env']);
  assert.deepEqual([code, stdout], [3, '']);
  assert.match(stderr, /^stint: the machine has no pool at \S+\nhint: 'stint serve', as root, .*\n$/);
  await pool.stop();
});

test('an unknown form is answered with the one that was meant', async (t) => {
  const place = new Place(t);
  for (const [args, said] of [
    [['--for', 'mkae'], "env: nothing is known for 'mkae'\nhint: did you mean make?"],
    [['--for', ''], "env: nothing is known for ''\nhint: say one of make, ninja, cargo, portage, docker, systemd, ci"],
    [['make'], 'env: unexpected argument make'],
  ] as const) {
    const { code, stdout, stderr } = await place.stint(['env', ...args]);
    assert.deepEqual([code, stdout, stderr], [2, '', `stint: ${said}\n`]);
  }
});
