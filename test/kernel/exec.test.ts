// Becoming another program, each time in a child: what the program finds, and what is left when it cannot be run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../helpers/temporary.ts';

const EXEC = new URL('../../src/kernel/exec.ts', import.meta.url).href;

/** Runs `source`, which sees all of exec.ts, in a child with `script` as sh's script around it; "$@" runs the child. */
function inChild(source: string, script = 'exec "$@"') {
  const code = `import * as fs from 'node:fs'; import * as exec from '${EXEC}'; const { execProgram } = exec; ${source}`;
  const args = ['-c', script, 'sh', process.execPath, '--input-type=module', '-e', code];
  const { stdout, stderr, status } = spawnSync('/bin/sh', args, { encoding: 'latin1', timeout: 20_000 });
  return { stdout, stderr, status };
}

test('the program has the arguments and variables, byte by byte', () => {
  const script = `printf '%s|' "$0" "$@"; printenv ODD`;
  const odd = String.raw`'\xff\xfe a\n='`;
  const found = inChild(
    `execProgram('/bin/sh', ['odd \\x80', '-c', ${JSON.stringify(script)}, 'zero', '', ${odd}], ['ODD=' + ${odd}, 'PATH=/usr/bin:/bin'])`,
  );
  assert.deepEqual(found, { stdout: 'zero||\xff\xfe a\n=|\xff\xfe a\n=\n', stderr: '', status: 0 });
});

test('the program is the same process', () => {
  const found = inChild(`fs.writeSync(1, process.pid + ' '); execProgram('/bin/sh', ['sh', '-c', 'echo $$'], [])`);
  const [before, after] = found.stdout.trim().split(' ');
  assert.equal(after, before);
});

test('no arguments and no environment are possible', () => {
  const found = inChild(`execProgram('/usr/bin/env', ['env'], [])`);
  assert.deepEqual(found, { stdout: '', stderr: '', status: 0 });
});

test('ten thousand arguments arrive', () => {
  const found = inChild(`execProgram('/bin/sh', ['sh', '-c', 'echo $#', ...Array(10001).fill('x')], [])`);
  assert.equal(found.stdout, '10000\n');
});

test('errors of execve have the names of their errno, and the process lives on', (t) => {
  const folder = temporaryFolder(t);
  const noInterpreter = join(folder, 'script');
  writeFileSync(noInterpreter, 'echo\n');
  chmodSync(noInterpreter, 0o755);
  const notForRunning = join(folder, 'text');
  writeFileSync(notForRunning, '');
  const missing = join(folder, 'missing-interpreter');
  writeFileSync(missing, '#!/no/such/interpreter\n');
  chmodSync(missing, 0o755);
  const cases = [
    ['/no/such/program', 'ENOENT'],
    [missing, 'ENOENT'],
    [notForRunning, 'EACCES'],
    [folder, 'EACCES'],
    [noInterpreter, 'ENOEXEC'],
  ];
  const { stdout, stderr } = inChild(`
    for (const [path] of ${JSON.stringify(cases)}) {
      try { execProgram(path, [path], []); } catch (error) { console.log(error.syscall, error.code); }
    }
    try { execProgram('/bin/true', ['true', 'x'.repeat(1 << 22)], []); } catch (error) { console.log(error.code); }
  `);
  assert.equal(stderr, '');
  assert.equal(stdout, [...cases.map(([, code]) => `execve ${code}`), 'E2BIG', ''].join('\n'));
});

test('descriptors stay behind unless they are kept', () => {
  const list = `execProgram('/bin/sh', ['sh', '-c', 'for fd in 3 4 5 12; do [ -e /proc/$$/fd/$fd ] && echo $fd; done'], ['PATH=/usr/bin:/bin'])`;
  const around = 'exec 3</dev/null 4</dev/null 5</dev/null; exec "$@"';
  assert.equal(inChild(`exec.keepOnExec(3); exec.keepOnExec(5); ${list}`, around).stdout, '3\n5\n');
  assert.equal(inChild(`exec.keepOnExec(3); fs.closeSync(4); ${list}`, around).stdout, '3\n');
});

test('a copy for the program has the number asked for or a higher one', () => {
  const { stdout } = inChild(
    `const fd = exec.duplicateForExec(fs.openSync('/etc/passwd'), 500); console.log(fd);
     execProgram('/bin/readlink', ['readlink', '/proc/self/fd/' + fd], [])`,
  );
  assert.equal(stdout, '500\n/etc/passwd\n');
});

test('descriptors that are not open are refused', () => {
  const { stdout } = inChild(`
    for (const call of [() => exec.keepOnExec(999), () => exec.duplicateForExec(999, 10), () => exec.duplicateForExec(1, 1e9)]) {
      try { call(); } catch (error) { console.log(error.code); }
    }
  `);
  assert.equal(stdout, 'EBADF\nEBADF\nEINVAL\n');
});

test('a signal has its default action again', () => {
  const { stdout } = inChild(
    `exec.defaultSignal(13); execProgram('/bin/sh', ['sh', '-c', 'grep SigIgn /proc/self/status'], ['PATH=/usr/bin:/bin'])`,
  );
  const mask = BigInt(`0x${stdout.trim().split(/\s+/)[1]}`);
  assert.equal(mask & (1n << 12n), 0n);
});

test('the limit on open files is set, and never above the hard one', () => {
  const show = `execProgram('/bin/sh', ['sh', '-c', 'ulimit -Sn; ulimit -Hn'], [])`;
  const around = 'ulimit -Sn 200; ulimit -Hn 3000; exec "$@"';
  assert.equal(inChild(`exec.setOpenFilesLimit(123n); ${show}`, around).stdout, '123\n3000\n');
  assert.equal(inChild(`exec.setOpenFilesLimit(1n << 40n); ${show}`, around).stdout, '3000\n3000\n');
});
