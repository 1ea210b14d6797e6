// The examples of docs/client.md: each runs as it stands there, on a pool of three slots, with the program as it is installed, and prints
// what it says. And the calls of docs/api.md that are written for curl.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blocksOf } from '../helpers/docs.ts';
import { startPool } from '../helpers/pool.ts';
import { project } from './program.ts';

const blocksHere = (page: string) =>
  blocksOf(readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8')).filter(
    ({ mark }) => mark === 'in test/client/docs.test.ts',
  );
const examples = blocksHere('client.md').map(({ language, text }) => ({
  language,
  text,
  prints: [...text.matchAll(/(?:\/\/|#) prints: (.*)$/gm)].map(([, line]) => `${line}\n`).join(''),
}));
const noCurl = spawnSync('curl', ['--version']).status !== 0 && 'no curl';

test('docs/client.md has examples in each language', () => {
  assert.deepEqual([...new Set(examples.map(({ language }) => language))], ['js', 'bash']);
  for (const { prints, text } of examples) assert.notEqual(prints, '', text);
});

for (const [n, { language, text, prints }] of examples.entries()) {
  test(`example ${n + 1} of docs/client.md prints what it says`, { skip: language === 'bash' && noCurl }, async (t) => {
    const pool = await startPool(t, 3);
    const cwd = project(pool);
    writeFileSync(join(cwd, 'Makefile'), 'all:\n');
    const file = join(cwd, language === 'js' ? 'example.mjs' : 'example.sh');
    writeFileSync(file, text);
    const command = language === 'js' ? [process.execPath, file] : ['bash', '-eu', file];
    const { code, stdout, stderr } = await pool.spawn(command[0] as string, command.slice(1), { cwd }).ended;
    assert.deepEqual([stdout, code], [prints, 0], stderr);
    await pool.stop();
  });
}

test('every curl command of docs/api.md is answered', { skip: noCurl }, async (t) => {
  const pool = await startPool(t, 3);
  const commands = blocksHere('api.md').map(({ text }) => text);
  assert.ok(commands.length > 0);
  for (const command of commands) {
    const here = command.replaceAll('/run/stint/api.sock', pool.socket);
    assert.ok(here.includes(pool.socket), command);
    const { code, stdout, stderr } = await pool.spawn('bash', ['-eu', '-c', here]).ended;
    assert.deepEqual([code, JSON.parse(stdout).error], [0, undefined], stdout + stderr);
  }
  await pool.stop();
});
