import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFifo } from '../../src/kernel/fifo.ts';
import { Place } from '../helpers/pool.ts';

test('a process ends at once, also while a thread of its pool hangs', async (t) => {
  const place = new Place(t);
  makeFifo(join(place.folder, 'fifo'), 0o600);
  const script = `
    import { open } from 'node:fs';
    import { exitNow } from ${JSON.stringify(join(import.meta.dirname, '../../src/kernel/exit.ts'))};
    open('fifo', () => {});
    process.on('exit', () => console.log('Node says goodbye'));
    console.log('here');
    exitNow(7);
    console.log('still here');`;
  const args = ['--input-type=module', '--eval', script];
  const { code, stdout, stderr } = await place.spawn(process.execPath, args).ended;
  assert.deepEqual({ code, stdout, stderr }, { code: 7, stdout: 'here\n', stderr: '' });
});
