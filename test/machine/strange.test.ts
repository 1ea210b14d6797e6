// Clients that use the node by ways that no build does: others are served meanwhile, and nothing is lost or doubled.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Machine, NOBODY, noMachine, startMachine } from '../helpers/machine.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { missing } from '../helpers/toolchain.ts';

const skip = noMachine() ?? missing('gcc');
const options = { deadline: 120_000 };

async function open(t: TestContext, slots: number): Promise<Machine> {
  const config = join(temporaryFolder(t), 'stint.toml');
  const clients = ['file', 'pipe'].map(
    (kind) => `[[client]]\nprogram = "strange-${kind}"\nnode = "${kind}"\nimplicit = false\n`,
  );
  writeFileSync(config, `mode = "0666"\n${clients.join('')}`);
  const machine = await startMachine(t, slots, { args: ['--config', config] });
  chmodSync(machine.folder, 0o755);
  execFileSync('gcc', ['-O1', '-pthread', '-o', program(machine, 'file'), join(import.meta.dirname, 'strange.c')]);
  copyFileSync(program(machine, 'file'), program(machine, 'pipe'));
  return machine;
}

const program = ({ folder }: Machine, kind: string) => join(folder, `strange-${kind}`);

for (const kind of ['file', 'pipe'] as const) {
  test(`io_uring, closing while reading, shared descriptors and a debugger at the ${kind}`, { skip }, async (t) => {
    const machine = await open(t, 2);
    let before = 0;
    for (const what of ['uring', 'closes', 'shares', 'traced']) {
      const { code, stdout, stderr } = await machine.spawn(program(machine, kind), [what, machine.node], options).ended;
      assert.equal(code, 0, `${what}: ${stdout}${stderr}`);
      if (stdout !== 'done\n') t.diagnostic(`${what}: ${stdout}`);
      const { free, surplus = 0 } = await machine.untilIdle(60_000);
      assert.deepEqual([what, free], [what, 2]);
      // What a child took came back when that ended; then its parent returns it once more.
      if (what !== 'shares') assert.equal(surplus, before);
      before = surplus;
    }
    await machine.stop();
  });
}

test('who becomes a program of another user with a slot in hand keeps it until that ends', { skip }, async (t) => {
  const machine = await open(t, 2);
  const sleep = join(machine.folder, 'sleep');
  copyFileSync('/bin/sleep', sleep);
  chmodSync(sleep, 0o4755);
  const args = [...NOBODY, program(machine, 'file'), 'setuid', machine.node, sleep, '1000'];
  const client = machine.spawn('setpriv', args, options);
  const { builds } = await machine.untilStatus(({ builds }) => builds[0]?.held === 1, 60_000);
  assert.equal(builds[0]?.uid, 65534);
  assert.equal((await machine.run(['--', 'true'], options)).code, 0);
  client.killAll('SIGKILL');
  await machine.stop();
});
