// The device of `stint serve --device` needs a kernel with CUSE, and makes something in /dev: so it is tried in a virtual machine.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inVm, noVm } from './vm.ts';

/** Longer with more rounds, milliseconds. */
const PATIENCE = 540_000 + 20_000 * Number(process.env.STINT_ROUNDS ?? 0);
const root = join(import.meta.dirname, '../..');

test('the device is the file node by another door', { skip: noVm(), timeout: PATIENCE + 60_000 }, async (t) => {
  const script = `cd ${root} && exec node test/run.ts test/vm/device.guest.ts`;
  const { code, output } = await inVm(t, script, { deadline: PATIENCE });
  t.diagnostic(output);
  assert.equal(code, 0, output);
});
