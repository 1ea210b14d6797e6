// Who may lend settings to the machine's pool by `stint with`, and how many of them.
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Machine, noMachine } from '../helpers/machine.ts';
import { type SpawnOptions, STINT, type Started, untilServes } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

const skip = noMachine() ?? false;
const NOBODY = ['--reuid', '65534', '--regid', '65533', '--clear-groups'];

async function serve(t: TestContext, text: string): Promise<Machine> {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, text);
  const machine = new Machine(t, undefined, { args: ['--config', file] });
  await untilServes(machine.daemon);
  chmodSync(machine.folder, 0o755);
  return machine;
}

function asNobody(machine: Machine, args: readonly string[], options: SpawnOptions = {}): Started {
  const env = { XDG_CACHE_HOME: '/nonexistent', ...options.env };
  return machine.spawn('setpriv', [...NOBODY, ...args], { cwd: '/', ...options, env });
}

test('who may not take slots may not lend anything', { skip }, async (t) => {
  const machine = await serve(t, 'jobs = 4\nmode = "0660"\n');
  for (const terms of [
    ['--weight', '2'],
    ['--class', 'background'],
    ['--slots', '1'],
  ]) {
    const { code, stderr } = await asNobody(machine, [STINT, 'with', ...terms, '--', 'true']).ended;
    assert.equal(code, 125);
    assert.match(
      stderr,
      /^stint: the daemon refused: user \w+ is not in group \w+\nhint: for a pool of your own: --user\n$/,
    );
  }
  await machine.stop();
});

test('members of the api_group may lend slots though they may not take any', { skip }, async (t) => {
  const machine = await serve(t, 'jobs = 4\nmode = "0660"\napi_group = 65533\n');
  const command = asNobody(machine, [STINT, 'with', '--slots', '2', '--', 'sleep', '1000']);
  await machine.untilStatus((status) => status.capacity === 2);
  command.kill('SIGKILL');
  await machine.untilStatus((status) => status.capacity === 4);
  await machine.stop();
});

/** Lends as often as it may, says how often that was and why not more, and stays. */
const GREEDY = `
  import { request } from 'node:http';
  const lend = () => new Promise((resolve, reject) => {
    const call = request({ socketPath: process.argv[1], method: 'POST', path: '/with', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk)).on('end', () => resolve([response.statusCode, text]));
    });
    call.on('error', reject).end(JSON.stringify({ label: 'x', weight: 2 }));
  });
  let count = 0;
  let answer = await lend();
  for (; answer[0] === 200; answer = await lend()) count++;
  console.log(count, answer[0], JSON.parse(answer[1]).error);
  setInterval(() => {}, 1e6);
`;

test('one user who lends as often as he may takes nothing from others', { skip, timeout: 240_000 }, async (t) => {
  const machine = await serve(t, 'jobs = 4\nmode = "0666"\n');
  const args = [process.execPath, '--input-type=module', '-e', GREEDY, machine.socket];
  const greedy = asNobody(machine, args, { deadline: 200_000 });
  await until('he may no more', () => greedy.output.stdout.endsWith('\n'), 120_000);
  assert.match(greedy.output.stdout, /^1000 503 1000 commands of user \w+ have lent settings already\n$/);
  const { code, stderr } = await machine.stint(['with', '--slots', '2', '--', 'true']);
  assert.equal(code, 0, stderr);
  greedy.killAll('SIGKILL');
  await machine.untilStatus((status) => status.with.length === 0);
  await machine.stop();
});
