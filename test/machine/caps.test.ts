// Caps on the machine's pool, each with real clients: no more jobs run than a cap says, although slots are free, and a lease is given
// no more in its one step.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/api/schema.ts';
import { PATIENCE } from '../clients/rounds.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import { STINT, type Started } from '../helpers/pool.ts';
import { isStarting, isWaiting, slotsOf } from '../helpers/sampling.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { until } from '../helpers/until.ts';
import { rules, Site, well } from './site.ts';

const skip = noMachine() ?? missing('make44');
const SLOTS = 6;
const CAP = 3;
/** The control group that builds are started in where a test needs one. */
const GROUP = `stint-caps-${process.pid}`;

interface Case {
  config: string;
  /** Labels of builds that have `CAP` slots together; default: one has them. */
  builds?: string[];
  /** A build that is not meant. */
  free?: string;
  /** Slots that a make has beside those that are bounded: of the job that it runs without a token. */
  beside?: number;
  grouped?: true;
}

const CASES: Record<string, Case> = {
  'a client': { config: `[share]\nclient_max = ${CAP}\n`, beside: 1 },
  'a build': { config: `[share]\nbuild_max = ${CAP}\n` },
  'a user': { config: `[share]\nuser_max = ${CAP}\n`, builds: ['one', 'two'] },
  'a group': { config: rule('group = "root"', 'max'), builds: ['one', 'two'] },
  'all builds with such a label': {
    config: rule('label = "capped *"', 'max'),
    builds: ['capped one', 'capped two'],
    free: 'other',
  },
  'each build with such a label': { config: rule('label = "capped*"', 'build_max'), free: 'other' },
  'a control group': { config: rule(`cgroup = "*/${GROUP}"`, 'max'), builds: ['one', 'two'], grouped: true },
};

for (const [of, { config, builds = ['capped'], free, beside = 0, grouped }] of Object.entries(CASES)) {
  const options = { skip: skip || (grouped && noGroup()), timeout: PATIENCE };

  test(`makes run no more jobs than the cap says of ${of}`, options, async (t) => {
    const site = new Site(t);
    const machine = await configured(t, site, config);
    const enter = grouped && makeGroup(t);
    const started = builds.map((label) => startMake({ machine, site, label, enter }));
    const slots = (status: Status) => builds.reduce((sum, label) => sum + slotsOf(status, label), 0);
    await machine.untilStatus(
      (status) => slots(status) === CAP + beside && builds.every((label) => isWaiting(label)(status)),
    );
    await until('their jobs run', () => site.running() === CAP + beside);
    if (free !== undefined) {
      started.push(startMake({ machine, site, label: free }));
      await machine.untilStatus((status) => slotsOf(status, free) === SLOTS - CAP && isWaiting(free)(status));
    }
    const { free: left } = await machine.status();
    assert.equal(left, free === undefined ? SLOTS - CAP - beside : 0);
    site.open('gate');
    await Promise.all(started.map(well));
    await machine.stop();
  });

  test(`a lease gets no more slots than the cap says of ${of}`, options, async (t) => {
    const site = new Site(t);
    const machine = await configured(t, site, config);
    const enter = grouped && makeGroup(t);
    const [first = '', second] = builds;
    const started = [startLease(machine, first, enter)];
    const status = await machine.untilStatus(({ builds }) => builds[0]?.state === 'running');
    assert.equal(slotsOf(status, first), CAP);
    if (second !== undefined) {
      started.push(startLease(machine, second, enter));
      await machine.untilStatus(isStarting(second));
      started[0]?.killAll('SIGKILL');
      const passed = await machine.untilStatus(
        ({ builds }) => builds[0]?.label === second && builds[0]?.state === 'running',
      );
      assert.equal(slotsOf(passed, second), CAP);
    }
    for (const one of started) one.killAll('SIGKILL');
    await machine.stop();
  });
}

function rule(selects: string, says: 'max' | 'build_max'): string {
  return `[[rule]]\n${selects}\n${says} = ${CAP}\n`;
}

async function configured(t: TestContext, site: Site, config: string): Promise<Machine> {
  const file = join(site.folder, 'stint.toml');
  writeFileSync(file, config);
  return startMachine(t, SLOTS, { args: ['--config', file] });
}

interface Making {
  machine: Machine;
  site: Site;
  label: string;
  /** What the shell does before it becomes `stint run`. */
  enter?: string | undefined;
}

/** A make with more jobs than there are slots, all of which wait at one gate. */
function startMake({ machine, site, label, enter = '' }: Making): Started {
  const jobs = Array.from({ length: 2 * SLOTS }, (_, i) => `job${i}`);
  const name = label.replace(' ', '-');
  site.makefile(
    name,
    `all: ${jobs.join(' ')}\n${rules(Object.fromEntries(jobs.map((job) => [job, site.job('gate')])))}`,
  );
  const args = ['--label', label, '--style', 'fifo', '--', toolPath('make44'), '-s'];
  return machine.spawn('sh', ['-c', `${enter}exec "$0" run "$@"`, STINT, ...args], site.options(name));
}

function startLease(machine: Machine, label: string, enter = ''): Started {
  const args = ['--slots', `2..${SLOTS}`, '--label', label, '--', 'sleep', '1000'];
  return machine.spawn('sh', ['-c', `${enter}exec "$0" run "$@"`, STINT, ...args], { deadline: PATIENCE });
}

/** Where control groups without a controller can be made: version 2, or systemd's own hierarchy. */
function hierarchy(): string | undefined {
  const found = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((top) => existsSync(`${top}/cgroup.controllers`));
  return found ?? ['/sys/fs/cgroup/systemd'].find(existsSync);
}

function noGroup(): string | false {
  return hierarchy() === undefined && 'no cgroup hierarchy';
}

/** Makes GROUP; what a shell does to be in it. */
function makeGroup(t: TestContext): string {
  const folder = join(hierarchy() as string, GROUP);
  mkdirSync(folder);
  t.after(() =>
    until('the group is empty', () => {
      rmdirSync(folder);
      return true;
    }),
  );
  return `echo $$ >${folder}/cgroup.procs; `;
}
