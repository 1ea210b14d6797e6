// Callers that hang up before the daemon knows who they are leave nothing behind that it would wait for.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Machine, noMachine } from '../helpers/machine.ts';
import { untilServes } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const ROUNDS = 300;
const BODY = JSON.stringify({ label: 'x', cwd: '/' });
const REQUEST = `POST /builds HTTP/1.1\r\nhost: stint\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

/** Asks for builds and hangs up a moment later. It is a process of its own: builds that begin after all end with it. */
const CALLER = `
  import { connect } from 'node:net';
  for (let n = 0; n < ${ROUNDS}; n++) {
    const socket = connect(process.argv[1]);
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(${JSON.stringify(REQUEST)}, () => setTimeout(() => socket.destroy(), n % 5));
    await closed;
  }
`;

test('who hangs up while it is looked up is forgotten: the daemon has nobody to wait for', {
  skip: noMachine() ?? false,
  timeout: 240_000,
}, async (t) => {
  const config = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(config, 'stop_timeout = 86400\n');
  const machine = new Machine(t, 2, { args: ['--config', config] });
  await untilServes(machine.daemon);
  const args = ['--input-type=module', '-e', CALLER, machine.socket];
  const { code, stderr } = await machine.spawn(process.execPath, args, { deadline: 120_000 }).ended;
  assert.deepEqual([code, stderr], [0, '']);
  await machine.stop();
});
