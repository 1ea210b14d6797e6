// The suite at the device; `make soak` has it with all clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportsOfDevice } from '../../bench/helpers/device-kit.ts';
import type { Report } from '../../src/conformance/kit.ts';
import { noVm, runInVm } from './vm.ts';

test('clients are at the device as at the file node', { skip: noVm(), timeout: 600_000 }, async (t) => {
  await runInVm(t, 'node test/run.ts test/vm/suite.guest.ts');
});

test('the kit finds at the device what it finds at the file node', { skip: noVm(), timeout: 600_000 }, async (t) => {
  const { device, file } = await reportsOfDevice(t, 3, 'quick');
  assert.deepEqual([device.node, file.node], ['device', 'file']);
  const verdicts = ({ checks }: Report) => checks.map(({ id, passed, found }) => ({ id, passed, found }));
  assert.deepEqual(verdicts(device), verdicts(file));
  assert.ok(device.conforms);
});
