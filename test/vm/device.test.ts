// The device of `stint serve --device` needs a kernel with CUSE, and makes something in /dev: so it is tried in a virtual machine.
import { test } from 'node:test';
import { noVm, runInVm } from './vm.ts';

/** Longer with more rounds, milliseconds. */
const PATIENCE = 540_000 + 20_000 * Number(process.env.STINT_ROUNDS ?? 0);

test('the device is the file node by another door', { skip: noVm(), timeout: PATIENCE + 60_000 }, async (t) => {
  await runInVm(t, 'node test/run.ts test/vm/device.guest.ts', { deadline: PATIENCE });
});
