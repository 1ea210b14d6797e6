// Prints what `stint conformance` says of stint's device, and of the file node beside it, as one object in JSON. For a machine that has
// CUSE: `reportsOfDevice` boots one.
//   node bench/helpers/device-kit.ts SLOTS [--quick]
import type { Report } from '../../src/conformance/kit.ts';
import { detachMount } from '../../src/kernel/mount.ts';
import type { Place } from '../../test/helpers/pool.ts';
import { until } from '../../test/helpers/until.ts';
import { runInVm } from '../../test/vm/vm.ts';
import { withPlace } from './pool.ts';

const NAME = 'stint-kit';

/** For everything in the virtual machine, milliseconds. */
const PATIENCE = 1_800_000;

export interface Reports {
  device: Report;
  file: Report;
}

/** Of both in a virtual machine. `quick` leaves out the clients on PATH. @throws Error when one of them cannot be examined */
export async function reportsOfDevice(
  t: Parameters<typeof runInVm>[0],
  slots: number,
  quick: 'quick' | 'whole',
): Promise<Reports> {
  const args = [String(slots), ...(quick === 'quick' ? ['--quick'] : [])];
  const output = await runInVm(t, `node bench/helpers/device-kit.ts ${args.join(' ')}`, { deadline: PATIENCE });
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Reports;
}

/** Of stint's slots the kit's own job has one. */
async function examineBoth(place: Place, slots: number, more: readonly string[]): Promise<Reports> {
  const args = ['serve', '--strict', '--mount', place.mount, '--device', NAME, '--jobs', String(slots + 1)];
  const daemon = place.start(args, { deadline: PATIENCE });
  try {
    await until('the daemon serves', () => daemon.output.stdout.includes('\n') || daemon.child.exitCode !== null);
    const examine = async (path: string) => {
      const kit = ['conformance', '--path', path, '--slots', String(slots), '--json', '--as', 'make', ...more];
      const { stdout, stderr } = await place.stint(kit, { env: { PATH: process.env.PATH }, deadline: PATIENCE });
      if (stdout === '') throw new Error(stderr || daemon.output.stderr);
      return JSON.parse(stdout) as Report;
    };
    return { device: await examine(`/dev/${NAME}`), file: await examine(`${place.mount}/jobserver`) };
  } finally {
    daemon.kill('SIGTERM');
    await daemon.ended.catch(() => detachMount(place.mount));
  }
}

if (import.meta.main) {
  const [slots, ...more] = process.argv.slice(2);
  process.stdout.write(`${JSON.stringify(await withPlace((place) => examineBoth(place, Number(slots), more)))}\n`);
}
