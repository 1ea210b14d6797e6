// The small sensors, on pretended files and on the real machine.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runningTasks } from '../../src/sensors/load.ts';
import { machineMemory } from '../../src/sensors/memory.ts';
import { Pressure } from '../../src/sensors/pressure.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A folder with these files. */
function rootOf(t: TestContext, files: Record<string, string>): string {
  const root = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

test('the tasks that want a processor are those of this moment, without the one that looks', (t) => {
  assert.equal(runningTasks(rootOf(t, { loadavg: '0.20 0.18 0.12 5/345 12345\n' })), 4);
  assert.equal(runningTasks(rootOf(t, { loadavg: '0.20 0.18 0.12 0/345 12345\n' })), 0);
  for (const odd of ['', '\n', '0.20 0.18 0.12\n', '0.20 0.18 0.12 many/345 1\n'])
    assert.equal(runningTasks(rootOf(t, { loadavg: odd })), undefined);
  assert.equal(runningTasks('/nowhere'), undefined);
});

test('memory is in bytes, and unknown where the kernel does not estimate it', (t) => {
  const meminfo = 'MemTotal:       24684084 kB\nMemFree:        21684084 kB\nMemAvailable:   23000000 kB\n';
  assert.deepEqual(machineMemory(rootOf(t, { meminfo })), { total: 24684084 * 1024, available: 23000000 * 1024 });
  for (const odd of ['', 'MemTotal: 1 kB\nMemFree: 1 kB\n', 'MemTotal: 1 kB\nMemAvailable: some kB\n'])
    assert.equal(machineMemory(rootOf(t, { meminfo: odd })), undefined);
  assert.equal(machineMemory('/nowhere'), undefined);
});

test('pressure is the share of the time between two looks, not an average of the kernel', (t) => {
  const text = (total: number) =>
    `some avg10=99.00 avg60=99.00 avg300=99.00 total=${total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n`;
  const root = rootOf(t, { 'pressure/cpu': text(1_000_000) });
  const tell = (total: number) => writeFileSync(join(root, 'pressure/cpu'), text(total));
  const pressure = new Pressure(root);
  assert.equal(pressure.percent('cpu', 1000), undefined, 'one look tells nothing');
  tell(1_250_000);
  assert.equal(pressure.percent('cpu', 2000), 25);
  tell(1_300_000);
  assert.equal(pressure.percent('cpu', 2100), 25, 'too soon for another');
  assert.equal(pressure.percent('cpu', 3000), 5);
  tell(9_000_000);
  assert.equal(pressure.percent('cpu', 4000), 100);
  pressure.restart();
  assert.equal(pressure.percent('cpu', 9000), undefined);
  assert.equal(pressure.percent('io', 9000), undefined, 'a kernel without it');
  writeFileSync(join(root, 'pressure/cpu'), 'nonsense\n');
  assert.equal(pressure.percent('cpu', 19_000), undefined);
});

test('the real machine has memory and a load', { skip: !existsSync('/proc/meminfo') }, () => {
  const { total, available } = machineMemory() ?? { total: 0, available: 0 };
  assert.ok(total > 2 ** 26 && available > 0 && available <= total);
  assert.ok((runningTasks() ?? -1) >= 0);
});
