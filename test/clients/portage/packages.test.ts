// What integrations/portage says of single packages, with the real emerge on the machine's pool: a pool that is smaller while one is
// built, slots for tools that know only a number, one job at a time.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type Machine, noMachine, startMachine } from '../../helpers/machine.ts';
import { Place, STINT } from '../../helpers/pool.ts';
import { missing, toolPath } from '../../helpers/toolchain.ts';
import { until } from '../../helpers/until.ts';
import { Site, well } from '../../machine/site.ts';
import { PATIENCE } from '../rounds.ts';
import { ebuild, settingsFor } from './ebuilds.ts';
import { writePrefix } from './prefix.ts';

const FOLDER = join(import.meta.dirname, '../../../integrations/portage');
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');
const skip = noMachine() ?? missing('emerge', 'make44', 'ninja', 'ctest');

/** The emerge of packages whose six jobs wait at a gate, each with the settings `env/stint/NAME`. */
async function start(machine: Machine, site: Site, names: readonly string[]) {
  const jobs = Array.from({ length: 6 }, (_, i) => `j${i}`).join(' ');
  const packages = names.map((name) => {
    const folder = site.makefile(name, `all: ${jobs}\n${jobs}:\n\t@${site.job(`go-${name}`)}\n`);
    const { phases } = ebuild({ name, folder, args: ['emake'] });
    return { name, phases };
  });
  const files = names.map((name) => [`env/${name}`, read(`env/stint/${name}`)]);
  const lines = names.map((name) => `test-jobs/${name} ${name}\n`);
  const [file = '', ...args] = writePrefix({
    folder: join(machine.folder, names.join('-')),
    packages,
    settings: await settingsFor(machine),
    files: { bashrc: read('bashrc'), 'package.env': lines.join(''), ...Object.fromEntries(files) },
  });
  const { env, ...options } = site.options('emerge');
  return machine.spawn(file, args, { ...options, env: { ...env, PATH: `${dirname(STINT)}:/usr/bin:/bin` } });
}

test('a package can have slots for a number, one job, or a smaller pool while it is built', {
  skip,
  timeout: 3 * PATIENCE,
}, async (t) => {
  const machine = await startMachine(t, 8);
  const site = new Site(t);
  const emerge = await start(machine, site, ['number', 'alone']);
  await until('both have what they may', () => site.running('number') === 4 && site.running('alone') === 1, PATIENCE);
  assert.equal((await machine.status()).free, 3);
  site.open('go-number', 'go-alone');
  await well(emerge);
  await machine.untilIdle();

  const killed = await start(machine, site, ['few']);
  await until('it has what it may', () => site.running('few') === 5, PATIENCE);
  assert.equal((await machine.status()).capacity, 5);
  killed.killAll('SIGKILL');
  await machine.untilStatus(({ capacity }) => capacity === 8);
  site.open('go-few');
  await machine.untilIdle();
  await machine.stop();
});

test('the files of integrations/portage are what Portage reads', {
  skip: missing('tokenpool', 'emerge'),
}, async (t) => {
  const { stdout, stderr } = await new Place(t).spawn(toolPath('tokenpool'), ['-c', READ, join(FOLDER, 'make.conf')])
    .ended;
  assert.match(stdout, /^ -j8 --jobserver-auth=fifo:\/run\/stint\/jobserver\n$/, stderr);
  const settings = readdirSync(join(FOLDER, 'env/stint'));
  const named = [...read('package.env').matchAll(/^[\w-]+\/[\w-]+ +stint\/(\w+)$/gm)].map(([, name]) => name as string);
  assert.deepEqual(named.sort(), settings.sort());
});

const READ = `
import sys
from portage.util import getconfig
print(getconfig(sys.argv[1], expand={})["MAKEFLAGS"])
`;
