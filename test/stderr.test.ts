// What is said on standard error where that is the journal of a service manager, and where it is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Place, STINT } from './helpers/pool.ts';
import { until } from './helpers/until.ts';

/** Runs its arguments with a standard error that is the journal, as sd-daemon(3) says how to tell. */
const JOURNALED = ['-c', 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$0" "$@"'];

test('in the journal each line of an error says that it is one', async (t) => {
  const { code, stderr } = await new Place(t).spawn('/bin/sh', [...JOURNALED, STINT, 'serv']).ended;
  assert.equal(code, 2);
  assert.match(stderr, /^(?:<3>.+\n){2}$/);
});

test('a stream that another process had as its journal gets plain lines', async (t) => {
  const { stderr } = await new Place(t).stint(['serv'], { env: { JOURNAL_STREAM: '8:4711' } });
  assert.match(stderr, /^stint: .+\nhint: .+\n$/);
});

test('an engine that dies is an error in the journal', async (t) => {
  const place = new Place(t);
  const daemon = place.spawn('/bin/sh', [...JOURNALED, STINT, 'serve', '--user'], { deadline: 900_000 });
  await until('it serves', () => daemon.output.stdout !== '');
  process.kill(await place.enginePid(), 'SIGKILL');
  await until('it is said', () => daemon.output.stderr !== '');
  assert.equal(daemon.output.stderr, '<3>stint: the engine process ended by SIGKILL; another one goes on\n');
});
