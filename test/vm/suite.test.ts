// The suite at the device; `make soak` has it with all clients.
import { test } from 'node:test';
import { noVm, runInVm } from './vm.ts';

test('the suite finds at the device what it finds at the file node', { skip: noVm(), timeout: 600_000 }, (t) =>
  runInVm(t, 'node test/run.ts test/vm/suite.guest.ts'),
);
