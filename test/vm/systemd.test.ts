// The service of systemd, below one that is the first process of a machine, together with the device and the rule for udev: in a virtual
// machine.
import { test } from 'node:test';
import { noVm, runInVm } from './vm.ts';

const skip = noVm('systemd');

test('stint.service does what a service of systemd does', { skip, timeout: 600_000 }, async (t) => {
  await runInVm(t, 'node test/run.ts test/vm/systemd.guest.ts', { boot: 'systemd' });
});
