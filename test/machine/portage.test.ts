// `stint doctor` where Portage is to draw from the machine's pool: each line that is missing is found, and nothing else; what
// `stint env --for portage` prints, with the sandbox file of integrations/, is healthy.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingsFor } from '../clients/portage/ebuilds.ts';
import { examine } from '../helpers/doctor.ts';
import { noMachine, startMachine } from '../helpers/machine.ts';
import { STINT } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';

const skip = noMachine() ?? missing('make44', 'ninja', 'ctest');
const TOLD = readFileSync(join(import.meta.dirname, '../../integrations/portage/sandbox.d/10stint'), 'utf8');

interface Deviation {
  name: string;
  /** Of the lines of make.conf. */
  without?: RegExp;
  with?: string;
  /** The sandbox is there, and what its files say. */
  sandbox?: string;
  finds: string[];
  /** In what is found. */
  says?: RegExp;
  through?: readonly string[];
}

const DEVIATIONS: Deviation[] = [
  { name: 'all as it should be', finds: [] },
  { name: 'no jobserver in MAKEFLAGS', without: /^MAKEFLAGS/, finds: ['portage-settings'], says: /^MAKEFLAGS in / },
  {
    name: 'none in make.conf, under stint run',
    without: /^MAKEFLAGS/,
    through: [STINT, 'run', '--style', 'fifo', '--'],
    finds: [],
  },
  { name: 'no jobserver-token', without: /^FEATURES/, finds: ['portage-settings'], says: /^FEATURES in / },
  {
    name: 'jobserver-token taken out again',
    with: 'FEATURES="${FEATURES} -jobserver-token"',
    finds: ['portage-settings'],
  },
  { name: 'no NINJAOPTS', without: /^NINJAOPTS/, finds: ['portage-settings'], says: /^NINJAOPTS in / },
  { name: 'a -jN in NINJAOPTS', with: 'NINJAOPTS="-j8"', finds: ['stray-jobs'], says: /^NINJAOPTS in / },
  { name: 'no MAKEOPTS', without: /^MAKEOPTS/, finds: ['portage-settings'], says: /^MAKEOPTS in / },
  { name: 'a -jN in MAKEOPTS, for what knows no jobserver', with: 'MAKEOPTS="-j8"', finds: [] },
  { name: 'a number for cmake', with: 'CMAKE_BUILD_PARALLEL_LEVEL=8', finds: ['stray-jobs'] },
  { name: 'an empty CARGO_MAKEFLAGS', with: 'CARGO_MAKEFLAGS=""', finds: ['cargo-makeflags'] },
  {
    name: 'a jobserver in GNUMAKEFLAGS alone',
    without: /^MAKEFLAGS/,
    with: 'GNUMAKEFLAGS=" -j8 --jobserver-auth=fifo:NODE"',
    finds: ['gnumakeflags-only', 'portage-settings'],
  },
  {
    name: 'another jobserver',
    with: 'MAKEFLAGS=" -j8 --jobserver-auth=fifo:/dev/steve"',
    finds: ['jobserver-missing'],
  },
  {
    name: 'a user who may not open the node',
    with: 'FEATURES="${FEATURES} jobserver-token userpriv"\nPORTAGE_USERNAME="nobody"',
    finds: ['node-denied'],
    says: /nobody/,
  },
  {
    name: 'such a user who is not used',
    with: 'FEATURES="jobserver-token -userpriv"\nPORTAGE_USERNAME="nobody"',
    finds: [],
  },
  { name: 'a sandbox that was told', sandbox: TOLD, finds: [] },
  {
    name: 'a sandbox that was not told',
    sandbox: 'SANDBOX_WRITE="/dev/fd:/proc/self/fd"\n',
    finds: ['sandbox-denied'],
  },
  {
    name: 'features that are set in several lines, and added to',
    with: 'FEATURES="parallel-fetch \\\n  jobserver-token"\nFEATURES="$FEATURES candy"\nFEATURES="${FEATURES} -ccache"',
    finds: [],
  },
  { name: 'a sandbox that is not used', sandbox: '', with: 'FEATURES="jobserver-token -sandbox"', finds: [] },
];

test("each deviation of Portage's settings is found, and nothing else", { skip }, async (t) => {
  const machine = await startMachine(t, 4);
  const good = await settingsFor(machine);
  for (const { name, without, with: more = '', sandbox, finds, says, through } of DEVIATIONS) {
    await t.test(name, async (t) => {
      const root = temporaryFolder(t);
      mkdirSync(join(root, 'etc/portage'), { recursive: true });
      const lines = good.split('\n').filter((line) => without?.test(line) !== true);
      writeFileSync(join(root, 'etc/portage/make.conf'), `${lines.join('\n')}${more.replace('NODE', machine.node)}\n`);
      if (sandbox !== undefined) installSandbox(root, sandbox.replace('/run/stint', machine.mount));
      const { report, ids } = await examine(machine, {
        env: { PORTAGE_CONFIGROOT: root },
        ...(through && { through }),
      });
      assert.deepEqual(ids.sort(), finds, JSON.stringify(report.findings));
      if (says !== undefined) assert.match(`${report.findings[0]?.on} ${report.findings[0]?.what}`, says);
    });
  }
  await machine.stop();
});

function installSandbox(root: string, told: string): void {
  mkdirSync(join(root, 'etc/sandbox.d'));
  writeFileSync(join(root, 'etc/sandbox.conf'), '# SANDBOX_WRITE="/"\nSANDBOX_VERBOSE="yes"\n');
  writeFileSync(join(root, 'etc/sandbox.d/10stint'), told);
}
