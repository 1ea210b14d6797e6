// Every client at the device, and more kills of its engine; see test/vm/device.test.ts.
import { test } from 'node:test';
import { noVm, runInVm } from '../vm/vm.ts';

process.env.STINT_ROUNDS ??= '50';
await import('../vm/device.test.ts');

test('every client does at the device what it is known to do', { skip: noVm(), timeout: 3_000_000 }, async (t) => {
  await runInVm(t, "node test/conformance/run.ts --server 'stint --device'", { deadline: 2_900_000 });
});
