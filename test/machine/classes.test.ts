// Classes of builds on the machine's pool, with makes whose jobs end when the test says so: who gets the slot that has come back.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PATIENCE } from '../clients/rounds.ts';
import { type Machine, noMachine, startMachine } from '../helpers/machine.ts';
import type { Started } from '../helpers/pool.ts';
import { isStarting, isWaiting } from '../helpers/sampling.ts';
import { missing, toolPath } from '../helpers/toolchain.ts';
import { rules, Site, well } from './site.ts';

const skip = noMachine() ?? missing('make44');
const CONFIG = `[[rule]]
label = "background"
class = "background"
[[rule]]
label = "interactive"
class = "interactive"
`;

function configured(site: Site): { args: string[] } {
  const file = join(site.folder, 'stint.toml');
  writeFileSync(file, CONFIG);
  return { args: ['--config', file] };
}

/** A make with a label of its own, whose jobs wait at the gates LABEL0, LABEL1, … */
function startMake(machine: Machine, site: Site, label: string, jobs: number): Started {
  const gates = Array.from({ length: jobs }, (_, i) => `${label}${i}`);
  site.makefile(
    label,
    `all: ${gates.join(' ')}\n${rules(Object.fromEntries(gates.map((gate) => [gate, site.job(gate)])))}`,
  );
  const args = ['--label', label, '--style', 'fifo', '--', toolPath('make44'), '-s'];
  return machine.spawnRun(args, site.options(label));
}

test('a build in the background gives way at its next release, and has what nobody else waits for', {
  skip,
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, 3, configured(site));
  const background = startMake(machine, site, 'background', 6);
  await site.untilRunning(3, 'background'); // alone it has all
  const other = startMake(machine, site, 'other', 3);
  await machine.untilStatus(isStarting('other'));
  site.open('background0');
  await site.untilRunning(1, 'other');
  await machine.untilStatus(isWaiting('other'));
  site.open('background1');
  await site.untilRunning(2, 'other');
  await machine.untilStatus(isWaiting('other'));
  site.open('other0');
  await site.untilRunning(2, 'other');
  assert.equal(site.begun('background'), 3, 'none of its jobs began meanwhile');
  site.open('other1', 'other2');
  await well(other);
  await site.untilRunning(3, 'background');
  site.open('background2', 'background3', 'background4', 'background5');
  await well(background);
  site.assertPeak(3);
  await machine.stop();
});

test('an interactive build goes first until it has its share, also before one that has nothing and waits longer', {
  skip,
  timeout: PATIENCE,
}, async (t) => {
  const site = new Site(t);
  const machine = await startMachine(t, 6, configured(site));
  const plain = startMake(machine, site, 'plain', 9);
  await site.untilRunning(6, 'plain');
  const other = startMake(machine, site, 'other', 4);
  await machine.untilStatus(isStarting('other'));
  const interactive = startMake(machine, site, 'interactive', 6);
  await machine.untilStatus(isStarting('interactive'));
  site.open('plain0');
  await site.untilRunning(1, 'interactive');
  await machine.untilStatus(isWaiting('interactive'));
  site.open('plain1');
  await site.untilRunning(2, 'interactive'); // a third of the pool
  await machine.untilStatus(isWaiting('interactive'));
  assert.equal(site.begun('other'), 0);
  site.open('plain2');
  await site.untilRunning(1, 'other');
  assert.equal(site.running('interactive'), 2);
  for (const label of ['plain', 'other', 'interactive']) {
    site.open(...Array.from({ length: 9 }, (_, i) => `${label}${i}`));
  }
  await Promise.all([plain, other, interactive].map(well));
  site.assertPeak(6);
  await machine.stop();
});
