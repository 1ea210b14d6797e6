// `stint run` at a terminal: job control is between the shell and the command, as if stint were not there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { STINT, startPool } from '../helpers/pool.ts';
import { dialogue } from '../helpers/terminal.ts';

const skip = spawnSync('python3', ['-c', 'import pty']).status !== 0 && 'needs python3 to open a terminal';
/** A shell with job control and a prompt that nothing else says. */
const SHELL = ['bash', '--norc', '--noprofile', '-i'];
const PROMPT = 'ready> ';
/** Ctrl-Z. What is typed just after it gets lost now and then, with any command: then a shell has the terminal back. */
const stop = [
  ['\x1a', `Stopped[^\n]*\r\n${PROMPT}`],
  [' \n', PROMPT, 'again'],
] as const;
const start = [` PS1='rea''dy> '; stty -echo\n`, PROMPT] as const;

test('a command can be stopped, put back into the foreground and interrupted', { skip }, async (t) => {
  const pool = await startPool(t, 2);
  const { code, stderr } = await dialogue(pool, SHELL, [
    start,
    [`${STINT} run sh -c 'echo it runs; cat'\n`, 'it runs\r\n'],
    ['one\n', 'one\r\n'],
    ...stop,
    [`${STINT} status\n`, `1 used, 1 free\r\n[\\s\\S]* sh [^\n]*\r\n${PROMPT}`],
    ['fg\n', 'stint run sh'],
    ['two\n', 'two\r\n'],
    ['\x03', PROMPT],
    ['echo "code $?"\n', `code 130\r\n${PROMPT}`],
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  await pool.stop();
});

test('a command can be in the background, and its end of input is its own', { skip }, async (t) => {
  const pool = await startPool(t, 2);
  const { code, stderr } = await dialogue(pool, SHELL, [
    start,
    [`${STINT} run cat &\n`, PROMPT],
    // It wants to read.
    ['until jobs | grep Stopped; do sleep 0.05; done\n', `Stopped[^\n]*\r\n[\\s\\S]*${PROMPT}`],
    ['fg\n', 'stint run cat'],
    ['three\n', 'three\r\n'],
    ['\x04', PROMPT],
    ['echo "code $?"\n', `code 0\r\n${PROMPT}`],
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  await pool.stop();
});

test('a run that waits for its first slot can be stopped and interrupted', { skip }, async (t) => {
  const pool = await startPool(t, 1);
  const holder = pool.spawnRun(['sleep', '600'], { deadline: 120_000 });
  await pool.untilStatus(({ free }) => free === 0);
  const { code, stderr } = await dialogue(pool, SHELL, [
    start,
    [`${STINT} run echo no\n`, 'waiting for a slot'],
    ...stop,
    ['fg\n', 'stint run echo no'],
    ['\x03', PROMPT],
    ['echo "code $?"\n', `code 130\r\n${PROMPT}`],
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal((await pool.status()).builds.length, 1);
  holder.kill('SIGTERM');
  await pool.stop();
});

test('a command is gone, and its slot back, when the terminal hangs up', { skip }, async (t) => {
  const pool = await startPool(t, 2);
  const { code, stderr } = await dialogue(pool, SHELL, [
    start,
    [`${STINT} run sh -c 'echo it runs; cat'\n`, 'it runs\r\n'],
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  await pool.stop();
});
