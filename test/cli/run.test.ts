// `stint run`, end to end: the command finds everything as it would without stint, but for a jobserver and a slot.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { findJobserver } from '../../src/jobserver/makeflags.ts';
import { Place, type Result, STINT, startPool } from '../helpers/pool.ts';
import { until } from '../helpers/until.ts';

const pool = await startPool({ after }, 2);

/** An executable file in the place. */
function program(name: string, content: string): string {
  const path = join(pool.folder, name);
  writeFileSync(path, content);
  chmodSync(path, 0o755);
  return path;
}

function fails(result: Result, code: number, message: string, hint = ''): void {
  assert.deepEqual(
    [result.stderr, result.code, result.stdout],
    [`stint: ${message}\n${hint && `hint: ${hint}\n`}`, code, ''],
  );
}

describe('the exit code of stint run', () => {
  it("is the command's own", async () => {
    assert.equal((await pool.run(['true'])).code, 0);
    assert.equal((await pool.run(['sh', '-c', 'exit 7'])).code, 7);
    assert.equal((await pool.run(['--', 'sh', '-c', 'exit 255'])).code, 255);
  });

  it("is the command's signal, not an exit code that stands for it", async () => {
    assert.equal((await pool.run(['sh', '-c', 'kill -TERM $$'])).signal, 'SIGTERM');
    assert.equal((await pool.run(['sh', '-c', 'kill -KILL $$'])).signal, 'SIGKILL');
    const { stdout } = await pool.shell(
      `"$STINT" run sh -c 'kill -TERM $$'; echo $?; "$STINT" run sh -c 'kill -KILL $$'; echo $?`,
    );
    assert.equal(stdout, '143\n137\n');
  });

  it('is 127 when the command is not found', async () => {
    fails(await pool.run(['no-such-command']), 127, "cannot run 'no-such-command': no such command");
    fails(await pool.run(['./no/such']), 127, "cannot run './no/such': no such command");
    fails(await pool.run(['']), 127, "cannot run '': no such command");
    fails(await pool.run(['true'], { env: { PATH: '/nowhere' } }), 127, "cannot run 'true': no such command");
  });

  it('is 126 when the command is there but cannot be run', async () => {
    writeFileSync(join(pool.folder, 'text'), 'text');
    fails(await pool.run(['./text']), 126, "cannot run './text': permission denied");
    fails(await pool.run(['/tmp']), 126, "cannot run '/tmp': not a regular file");
    fails(await pool.run(['.']), 126, "cannot run '.': not a regular file");
    const path = `${pool.folder}:${process.env.PATH}`;
    fails(await pool.run(['text'], { env: { PATH: path } }), 126, "cannot run 'text': permission denied");
  });

  it('is 127 for a script whose interpreter is missing, as in a shell', async () => {
    const script = program('lost', '#!/no/such/interpreter\n');
    fails(await pool.run([script]), 127, `cannot run '${script}': no such file or directory`);
  });
});

describe('the command of stint run', () => {
  it('is found where the shell would find it', async () => {
    program('tool', '#!/bin/sh\necho "$0"\n');
    mkdirSync(join(pool.folder, 'first/tool'), { recursive: true });
    const env = { PATH: `/nowhere:${pool.folder}/first:${pool.folder}:/usr/bin:/bin` };
    assert.equal(
      (await pool.run(['tool'], { env })).stdout,
      `${pool.folder}/tool\n`,
      'a directory of that name is passed over',
    );
    assert.equal(
      (await pool.run(['tool'], { env: { PATH: ':/usr/bin:/bin' } })).stdout,
      './tool\n',
      'empty stands for here',
    );
    assert.equal((await pool.run(['./tool'])).stdout, './tool\n');
    assert.equal(
      (await pool.run(['true'], { env: { PATH: undefined } })).code,
      0,
      'without PATH the usual places are searched',
    );
  });

  it('may be a script that names no interpreter: sh runs it', async () => {
    program('plain', 'echo "$0: $*"\n');
    const { stdout, stderr, code } = await pool.run(['./plain', 'a b', 'c']);
    assert.deepEqual([stdout, stderr, code], ['./plain: a b c\n', '', 0]);
  });

  it('has its arguments byte by byte, also those that look like options of stint', async () => {
    const { stdout } = await pool.run(['printf', '%s|', '--jobs', '--', '', 'a  b', '*', '$HOME', 'ä']);
    assert.equal(stdout, '--jobs|--||a  b|*|$HOME|ä|');
    const odd = await pool.shell(`"$STINT" run printf '%s|' "$(printf '\\377\\376x')" | od -An -tx1`);
    assert.equal(odd.stdout.trim(), 'ff fe 78 7c');
  });

  it('has the environment that stint was started with, and the jobserver', async () => {
    const script = `show() { env -0 | sort -z | tr '\\0' '\\n'; }; show >before; "$STINT" run sh -c 'env -0' | sort -z | tr '\\0' '\\n' >after`;
    const env = {
      NODE_OPTIONS: '--no-such-option',
      NODE_DEBUG: 'http',
      NODE_COMPILE_CACHE: undefined,
      NODE_V8_COVERAGE: '',
      STINT_TEST: 'stays',
      BLANK: '  a\n b ',
      EQUALS: '=a=',
    };
    const { code, stderr } = await pool.shell(script, { env });
    assert.deepEqual([code, stderr], [0, '']);
    const lines = (name: string) => readFileSync(join(pool.folder, name), 'utf8').split('\n');
    const added = /^(?:MAKEFLAGS|CARGO_MAKEFLAGS|STINT_BUILD|STINT_FIFO|STINT_CAPACITY)=/;
    const kept = lines('after').filter((line) => !added.test(line));
    assert.deepEqual(kept, lines('before'));
    assert.equal(lines('after').length - kept.length, 5);
  });

  it('has variables whose bytes are no UTF-8', async () => {
    const { stdout } = await pool.shell(`ODD=$(printf '\\377\\376') "$STINT" run printenv ODD | od -An -tx1`);
    assert.equal(stdout.trim(), 'ff fe 0a');
  });

  it('reads standard input and writes standard output whole, whatever the bytes', async () => {
    const script = `head -c 300000 /dev/urandom >data; "$STINT" run cat <data | cmp - data; cat data | "$STINT" run cat | cmp - data`;
    const { stdout, stderr, code } = await pool.shell(script);
    assert.deepEqual([stdout, stderr, code], ['', '', 0]);
  });

  it('has the very files as standard input, output and error, in the mode they had', async (t) => {
    const show = 'for fd in 0 1 2; do stat -Lc %d:%i /proc/$$/fd/$fd; grep flags /proc/$$/fdinfo/$fd; done';
    const script = `
      mkfifo pipe; exec 4<>pipe
      printf '%s\\n' '(${show}) >&3' >show
      sh show <pipe >pipe 2>pipe 3>direct
      "$STINT" run sh show <pipe >pipe 2>pipe 3>through
      cmp direct through`;
    const { stdout, stderr } = await pool.shell(script);
    assert.deepEqual([stdout, stderr], ['', ''], 'not even O_NONBLOCK has changed');
    const place = new Place(t);
    assert.deepEqual(
      await place.shell(script).then((r) => [r.stdout, r.stderr]),
      ['', ''],
      'nor when a daemon has to be started',
    );
  });

  it('has the descriptors that stint was started with, and no others but the jobserver', async () => {
    writeFileSync(join(pool.folder, 'three'), 'from three\n');
    const list = 'cat <&3; for fd in /proc/$$/fd/*; do printf "%s " "${fd##*/}"; done';
    const close =
      'for fd in /proc/$$/fd/*; do n=${fd##*/}; [ "$n" -gt 2 ] && [ "$n" -lt 10 ] && eval "exec $n<&-"; done; exec 3<three';
    const { stdout } = await pool.shell(`${close}; "$STINT" run --style fifo sh -c '${list}'`);
    const direct = await pool.shell(`${close}; exec sh -c '${list}'`);
    assert.equal(stdout, direct.stdout);
    assert.match(stdout, /^from three\n0 1 2 /);
  });

  it('has closed standard descriptors closed', async () => {
    const list = 'for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && printf $fd >>list; done';
    for (const [closing, left] of [
      ['<&-', '12'],
      ['>&-', '02'],
      ['2>&-', '01'],
      ['<&- >&- 2>&-', ''],
    ] as const) {
      for (const style of ['fifo', 'fds']) {
        const { stdout, stderr, code } = await pool.shell(
          `: >list; "$STINT" run --style ${style} sh -c '${list}; exit 5' ${closing}`,
        );
        assert.deepEqual([stdout, stderr, code], ['', '', 5], closing);
        assert.equal(readFileSync(join(pool.folder, 'list'), 'utf8'), left, closing);
      }
    }
  });

  it('has the soft limit on open files', async () => {
    assert.equal((await pool.shell(`ulimit -Sn 234; "$STINT" run sh -c 'ulimit -Sn'`)).stdout, '234\n');
  });

  it('has its signals as they were: ignored, blocked and default', async () => {
    const show = `grep -E "Sig(Blk|Ign|Cgt)|ShdPnd" /proc/self/status`;
    for (const traps of [':', "trap '' HUP INT", "trap '' PIPE XFSZ TERM", "trap '' QUIT USR1 TSTP"]) {
      const { stdout, stderr } = await pool.shell(
        `${traps}; ${show} >direct; "$STINT" run ${show} >through; diff direct through`,
      );
      assert.deepEqual([stdout, stderr], ['', ''], traps);
    }
  });

  it('ends quietly when its reader has gone', async () => {
    const { stdout, stderr } = await pool.run(['sh', '-c', 'yes | head -1']);
    assert.deepEqual([stdout, stderr], ['y\n', '']);
    const outside = await pool.shell(`{ "$STINT" run yes; echo $? >code; } | head -1; cat code`);
    assert.deepEqual([outside.stdout, outside.stderr], ['y\n141\n', '']);
  });

  it('may run in a directory that was removed', async () => {
    const { stdout, stderr } = await pool.shell(`mkdir gone && cd gone && rmdir ../gone && "$STINT" run echo ok`);
    assert.equal(stdout, 'ok\n');
    assert.match(stderr, /^(?:sh: 0: getcwd\(\) failed: No such file or directory\n)?$/, 'dash has its word to say');
  });

  it('is the very process that was started, and stint is gone', async (t) => {
    const running = pool.spawnRun(['sleep', '600']);
    t.after(() => running.killAll('SIGKILL'));
    const { builds } = await pool.untilStatus((status) => status.builds.length === 1);
    assert.equal(builds[0]?.rootPid, running.pid);
    await until('it is sleep', () => readFileSync(`/proc/${running.pid}/comm`, 'utf8') === 'sleep\n');
    running.kill('SIGINT');
    assert.equal((await running.ended).signal, 'SIGINT');
  });
});

describe('the jobserver of stint run', () => {
  it('keeps what was in MAKEFLAGS', async () => {
    const env = { MAKEFLAGS: 'ks -j9 --jobserver-auth=3,4 -- FOO=a\\ b' };
    const { stdout } = await pool.run(['--style', 'fifo', 'printenv', 'MAKEFLAGS', 'CARGO_MAKEFLAGS', 'STINT_FIFO'], {
      env,
    });
    const [makeflags, cargo, fifo] = stdout.split('\n');
    assert.equal(makeflags, `ks -j2 --jobserver-auth=fifo:${fifo} -- FOO=a\\ b`);
    assert.equal(cargo, ` -j2 --jobserver-auth=fifo:${fifo}`);
    assert.ok(fifo?.startsWith(`${pool.dir}/fifo-`));
  });

  it('is two open ends of the FIFO in the style of descriptors', async () => {
    const { stdout } = await pool.run([
      '--style',
      'fds',
      'sh',
      '-c',
      'echo "$MAKEFLAGS"; echo "$CARGO_MAKEFLAGS"; echo "$STINT_FIFO"; ls -l /proc/$$/fd',
    ]);
    const [makeflags = '', cargo, fifo, ...open] = stdout.split('\n');
    const auth = findJobserver(makeflags)?.auth;
    assert.equal(cargo, makeflags);
    assert.ok(auth?.style === 'fds' && auth.read >= 10 && auth.write >= 10, makeflags);
    assert.ok(
      open.some((line) => line.startsWith('lr-x') && line.endsWith(` ${auth.read} -> ${fifo}`)),
      stdout,
    );
    assert.ok(
      open.some((line) => line.startsWith('l-wx') && line.endsWith(` ${auth.write} -> ${fifo}`)),
      stdout,
    );
  });

  it('is what a real make draws from, and its flags and variables reach the makefile', async () => {
    const makefile = join(pool.folder, 'flags.mk');
    writeFileSync(makefile, '$(info [$(FOO)])\nall: one two\none two:\n\t@echo $@\n');
    const { stdout, stderr, code } = await pool.run(['make', '-f', makefile], { env: { MAKEFLAGS: 'k -- FOO=a\\ b' } });
    assert.deepEqual([stdout.split('\n').sort(), stderr, code], [['', '[a b]', 'one', 'two'], '', 0]);
  });

  for (const style of ['auto', 'fifo', 'fds']) {
    it(`is that of the outer build in a nested run, with the style ${style}`, async (t) => {
      const inner = `"$STINT" run --style ${style} sh -c 'echo "$STINT_BUILD $STINT_FIFO" >inner; exec sleep 600'`;
      const script = `"$STINT" run sh -c 'echo "$STINT_BUILD $STINT_FIFO" >outer; ${inner.replaceAll("'", `'\\''`)}; :'`;
      rmSync(join(pool.folder, 'inner'), { force: true });
      const running = pool.spawn('/bin/sh', ['-c', script], {
        env: { STINT: STINT },
      });
      t.after(() => running.killAll('SIGKILL'));
      const seen = await until('the inner command runs', () => {
        const text = readFileSync(join(pool.folder, 'inner'), 'utf8');
        return text.endsWith('\n') && text;
      });
      assert.equal(seen, readFileSync(join(pool.folder, 'outer'), 'utf8'));
      const { builds } = await pool.status();
      assert.deepEqual(
        builds.map(({ implicit, held }) => ({ implicit, held })),
        [{ implicit: 1, held: 0 }],
      );
      running.killAll('SIGTERM');
      await running.ended;
      await pool.untilIdle();
    });
  }

  it('works in a recipe for which make has closed the descriptors', async () => {
    const makefile = join(pool.folder, 'nested.mk');
    // No `+` and no $(MAKE): make 4.3 does not pass its descriptors on to this recipe.
    writeFileSync(makefile, `all:\n\t@"$$STINT" run make --no-print-directory -f inner.mk\n`);
    writeFileSync(join(pool.folder, 'inner.mk'), 'all: a b c\na b c:\n\t@sleep 0.05; echo $@\n');
    const env = { STINT: STINT };
    const { stdout, stderr, code } = await pool.run(['make', '-f', makefile], { env });
    assert.deepEqual([stdout.split('\n').sort(), stderr, code], [['', 'a', 'b', 'c'], '', 0]);
  });

  it('is one of its own when the outer build is over', async () => {
    const env = { STINT_FIFO: join(pool.folder, 'gone'), STINT_BUILD: '99999', STINT_CAPACITY: '64' };
    const { stdout } = await pool.run(['printenv', 'STINT_FIFO', 'STINT_BUILD', 'STINT_CAPACITY'], { env });
    const [fifo, build, capacity] = stdout.split('\n');
    assert.ok(fifo?.startsWith(`${pool.dir}/fifo-`), fifo);
    assert.notEqual(build, '99999');
    assert.equal(capacity, '2');
  });
});

describe('the options of stint run', () => {
  const range = '--jobs must be a whole number from 1 to 4096';
  for (const jobs of ['0', '-1', '4097', 'abc', '1e3', '', '1.5', ' 2', '99999999999999999999']) {
    it(`refuse --jobs=${jobs}`, async () =>
      fails(await pool.run([`--jobs=${jobs}`, 'true']), 125, `${range}, not '${jobs}'`));
  }

  it('refuse --jobs without a number', async () => {
    fails(await pool.run(['--jobs']), 125, 'run: --jobs needs a value', 'see: stint run --help');
    assert.equal((await pool.run(['--jobs', '-1', 'true'])).code, 125);
  });

  it('refuse an unknown style', async () => {
    fails(await pool.run(['--style', 'bogus', 'true']), 125, "--style must be auto, fifo or fds, not 'bogus'");
  });

  it('suggest what was meant', async () => {
    fails(await pool.run(['--job', '3', 'true']), 125, 'run: unknown option --job', 'did you mean --jobs?');
    fails(await pool.run(['--sytle=fifo', 'true']), 125, 'run: unknown option --sytle', 'did you mean --style?');
    fails(await pool.run(['-x', 'true']), 125, 'run: unknown option -x', 'see: stint run --help');
    fails(await pool.run(['--frobnicate', 'true']), 125, 'run: unknown option --frobnicate', 'see: stint run --help');
  });

  it('need a command', async () => {
    fails(await pool.run([]), 125, 'run: no command given', 'for example: stint run -- make');
    fails(await pool.run(['--']), 125, 'run: no command given', 'for example: stint run -- make');
  });

  it('are explained', async () => {
    for (const args of [['--help'], ['-h'], ['--jobs', '2', '--help']]) {
      const { stdout, stderr, code } = await pool.run(args);
      assert.match(stdout, /^Usage: stint run \[OPTION\]\.\.\. \[--\] CMD \[ARG\]\.\.\.\n/);
      assert.deepEqual([stderr, code], ['', 0]);
    }
    assert.equal(
      (await pool.run(['printf', '%s', '--help'])).stdout,
      '--help',
      "those after the command are the command's",
    );
  });

  it('give the build its label', async (t) => {
    const running = pool.spawnRun(['--label', 'a label', 'sleep', '600']);
    t.after(() => running.killAll('SIGKILL'));
    const { builds } = await pool.untilStatus((status) => status.builds.length === 1);
    assert.equal(builds[0]?.label, 'a label');
    running.kill('SIGTERM');
    await running.ended;
    await pool.untilIdle();
  });

  it('note in one line that the pool has another size', async () => {
    const { stdout, stderr, code } = await pool.run(['--jobs', '7', 'echo', 'ok']);
    assert.equal(stderr, 'stint: the pool has 2 slots already; --jobs 7 counts only for the command that starts it\n');
    assert.deepEqual([stdout, code], ['ok\n', 0]);
    assert.equal((await pool.run(['--jobs', '2', 'echo', 'ok'])).stderr, '');
  });
});

describe('a run that waits for its first slot', () => {
  /** Two commands that have all there is. */
  async function fill(t: TestContext) {
    const holders = [pool.spawnRun(['sleep', '600']), pool.spawnRun(['sleep', '600'])];
    t.after(() => holders.map((holder) => holder.killAll('SIGKILL')));
    await pool.untilStatus(({ free, builds }) => free === 0 && builds.every(({ state }) => state === 'running'));
    return async () => {
      for (const holder of holders) holder.kill('SIGTERM');
      await Promise.all(holders.map((holder) => holder.ended));
      await pool.untilIdle();
    };
  }

  it('says so, and starts when one is there', async (t) => {
    const end = await fill(t);
    const running = pool.spawnRun(['echo', 'ok']);
    const { builds } = await pool.untilStatus((status) => status.builds.length === 3);
    assert.deepEqual(builds[2]?.state, 'starting');
    await until(
      'it says that it waits',
      () => running.output.stderr === 'stint: waiting for a slot; see: stint status\n',
    );
    await end();
    assert.equal((await running.ended).stdout, 'ok\n');
  });

  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`leaves the queue when ${signal} ends it`, async (t) => {
      const end = await fill(t);
      const running = pool.spawnRun(['echo', 'ok']);
      await pool.untilStatus((status) => status.builds.length === 3);
      running.kill(signal);
      assert.equal((await running.ended).signal, signal);
      await pool.untilStatus((status) => status.builds.length === 2);
      await end();
    });
  }

  it('keeps standard input for its command', async (t) => {
    const end = await fill(t);
    const running = pool.spawnRun(['cat'], { input: 'all of it' });
    await pool.untilStatus((status) => status.builds.length === 3);
    await end();
    assert.equal((await running.ended).stdout, 'all of it');
  });
});

it('leaves nothing behind, after all of this', () => pool.stop());

it('a make whose path is not ASCII is asked for its version like any other', async (t) => {
  const place = new Place(t);
  const folder = join(place.folder, 'rené');
  mkdirSync(folder);
  writeFileSync(join(folder, 'make'), `#!/bin/sh\n[ "$1" = --version ] && echo GNU Make 4.3 || echo "$MAKEFLAGS"\n`);
  chmodSync(join(folder, 'make'), 0o755);
  assert.match((await place.run([join(folder, 'make')])).stdout, /--jobserver-auth=\d+,\d+/);
  const env = { PATH: `${folder}:${process.env.PATH}` };
  assert.match((await place.run(['make'], { env })).stdout, /--jobserver-auth=\d+,\d+/);
  await place.finish();
});

it('a signal that was ignored stays ignored while stint run waits for its first slot', async (t) => {
  const pool = await startPool(t, 1);
  const holder = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const waiting = pool.spawn('sh', ['-c', `trap '' HUP; exec "$STINT" run echo done`], {
    env: { STINT: STINT },
  });
  await pool.untilStatus(({ builds }) => builds.length === 2);
  waiting.kill('SIGHUP');
  holder.kill('SIGTERM');
  const { code, stdout } = await waiting.ended;
  assert.deepEqual([code, stdout], [0, 'done\n']);
  await pool.stop();
});

it('variables of the user reach the command whatever the launcher calls its own', async (t) => {
  const place = new Place(t);
  const names =
    'base bin cache closed directory fd fds found hidden key launch link major name need node root self soft value version';
  const env = Object.fromEntries(names.split(' ').map((name) => [name, `mine-${name}`]));
  const { stdout } = await place.run(['env'], { env });
  for (const [name, value] of Object.entries(env))
    assert.ok(stdout.includes(`\n${name}=${value}\n`) || stdout.startsWith(`${name}=${value}\n`), name);
  await place.finish();
});

it('a flood of bytes that were never tokens neither harms the daemon nor enlarges the pool', async (t) => {
  const pool = await startPool(t, 3);
  const other = pool.spawnRun(['--', 'sleep', '1000']);
  await pool.untilStatus(({ builds }) => builds[0]?.state === 'running');
  const flood = await pool.run([
    '--style',
    'fifo',
    '--',
    'sh',
    '-c',
    'head -c 60000 /dev/zero >"$STINT_FIFO"; sleep 0.2',
  ]);
  assert.equal(flood.code, 0);
  other.killAll('SIGKILL');
  await pool.stop();
});
