// What is said of a configuration that may not be: of each thing the line, what stands there, and what it must be.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { StintError } from '../../src/errors.ts';
import { PLACES } from '../../src/process/config/schema.ts';
import { checkConfig, readConfig } from '../../src/process/config.ts';
import { Place } from '../helpers/pool.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** The error that `text` gives, as it is shown: its message with `FILE` for the path, and its hint. */
function refusal(t: TestContext, text: string): string {
  const file = join(temporaryFolder(t), 'stint.toml');
  writeFileSync(file, text);
  try {
    readConfig(file);
  } catch (error) {
    assert.ok(error instanceof StintError, String(error));
    return `${error.message.replace(file, 'FILE')}${error.hint === undefined ? '' : ` | ${error.hint.replace(file, 'FILE')}`}`;
  }
  throw new Error(`it was taken: ${text}`);
}

const jobs = 'it must be a whole number from 1 to 4096';
const mount = 'it must be an absolute path of at most 98 bytes, without white space, \\, $, empty parts, . and ..';
const mode = 'it must be an octal string that lets read and write, from "0600" to "0666"';
const group = 'it must be the name or the number of a group';
const timeout = 'it must be a whole number of seconds from 0 to 86400';
const minMemory =
  'it must be bytes like "1GiB", at least "1MiB", or a part of all memory like "5%", below 100%; 0: none';
const program = "it must be a program's name of 1 to 255 characters without /; * and ? stand for others";
const node = 'it must be "file", "pipe" or "split"';
const device = 'it must be the name of a device in /dev: 1 to 64 letters, digits, _, . and -, beginning with a letter';
const keys =
  'there are jobs, mount, device, mode, group, api_group, on_term, stop_timeout, state, share, limits, rule, client';
const inShare = 'first_slot, first_slot_max, newcomer_overcommit, client_max, build_max, user_max, class';
const classes = 'it must be "interactive", "normal" or "background"';
const inClient = 'there are program, node, implicit';

for (const [text, said] of [
  ['jobs = 0', `FILE:1: jobs is 0; ${jobs}`],
  ['\n# jobs = 1\n  jobs = 4097', `FILE:3: jobs is 4097; ${jobs}`],
  ['jobs = 1.5', `FILE:1: jobs is 1.5; ${jobs}`],
  ['jobs = inf', `FILE:1: jobs is inf; ${jobs}`],
  ['"jobs" = "8"', `FILE:1: jobs is "8"; ${jobs}`],
  ['jobs = 1979-05-27', `FILE:1: jobs is 1979-05-27; ${jobs}`],
  ['jobs.max = 3', `FILE:1: jobs is {"max":3}; ${jobs}`],
  ['mount = "run/stint"', `FILE:1: mount is "run/stint"; ${mount}`],
  ['device = "/dev/stint"', `FILE:1: device is "/dev/stint"; ${device}`],
  ['mount = "/"', `FILE:1: mount is "/"; ${mount}`],
  ['mount = "/run/"', `FILE:1: mount is "/run/"; ${mount}`],
  ['mount = "/run/../etc"', `FILE:1: mount is "/run/../etc"; ${mount}`],
  ['mount = "/my run"', `FILE:1: mount is "/my run"; ${mount}`],
  ['mount = "/run\\n"', `FILE:1: mount is "/run\\n"; ${mount}`],
  ['mount = "/$HOME"', `FILE:1: mount is "/$HOME"; ${mount}`],
  [`mount = "/${'ä'.repeat(49)}"`, `FILE:1: mount is "/${'ä'.repeat(57 - 8)}"; ${mount}`],
  ['mode = 660', `FILE:1: mode is 660; ${mode}`],
  ['mode = "0777"', `FILE:1: mode is "0777"; ${mode}`],
  ['mode = "0060"', `FILE:1: mode is "0060"; ${mode}`],
  ['mode = 0660', 'FILE:1:8: not TOML: illegal leading zero'],
  ['group = ""', `FILE:1: group is ""; ${group}`],
  ['group = -1', `FILE:1: group is -1; ${group}`],
  ['group = true', `FILE:1: group is true; ${group}`],
  ['jobs = 2\ngroup = "rooot"', 'FILE:2: group is "rooot", but there is no such group | did you mean "root"?'],
  ['api_group = 4294967295', 'FILE:1: api_group is 4294967295, but there is no such group'],
  ['on_term = "later"', 'FILE:1: on_term is "later"; it must be "wait" or "now"'],
  ['stop_timeout = 86401', `FILE:1: stop_timeout is 86401; ${timeout}`],
  ['stop_timeout = "1m"', `FILE:1: stop_timeout is "1m"; ${timeout}`],
  ['client = 3', 'FILE:1: client is 3; it must be tables [[client]]'],
  ['[client]\nprogram = "x"', 'FILE:1: client is {"program":"x"}; it must be tables [[client]]'],
  ['client = [3]', 'FILE:1: client is 3; it must be a table [[client]]'],
  ['[[client]]\nprogram = "/bin/x"\nnode = "file"', `FILE:2: program is "/bin/x"; ${program}`],
  ['[[client]]\nnode = "file"', `FILE:1: program is missing; ${program}`],
  ['[[client]]\nprogram = "a"\nnode = "file"\n\n[[client]]\nprogram = "b"', `FILE:5: node is missing; ${node}`],
  ['[[client]]\nprogram = "a"\nnode = "fifo"', `FILE:3: node is "fifo"; ${node}`],
  ['[[client]]\nprogram = "a"\nnode = "file"\nimplicit = 1', 'FILE:4: implicit is 1; it must be true or false'],
  ['job = 3', `FILE:1: unknown key job; ${keys} | did you mean jobs?`],
  ['jobs = 3\nstop-timeout = 3', `FILE:2: unknown key stop-timeout; ${keys} | did you mean stop_timeout?`],
  ['colour = "red"', `FILE:1: unknown key colour; ${keys}`],
  ['__proto__ = 1', `FILE:1: unknown key __proto__; ${keys}`],
  ['node = "file"', `FILE:1: unknown key node; ${keys} | node belongs into a [[client]]`],
  ['[serve]\njobs = 1', `FILE:1: unknown key serve; ${keys}`],
  [
    '[[client]]\nprogram = "a"\nnode = "file"\njobs = 1',
    `FILE:4: unknown key jobs in [[client]]; ${inClient} | jobs belongs above the first [[client]]`,
  ],
  [
    '[[client]]\nprogramm = "a"\nnode = "file"\nprogram = "a"',
    `FILE:2: unknown key programm in [[client]]; ${inClient} | did you mean program?`,
  ],
  [
    'on_term = "x"\nfoo = 1\njobs = 0',
    'FILE:1: on_term is "x"; it must be "wait" or "now" | there is more: stint config check FILE',
  ],
  ['[share]\nfirst_slot = "later"', 'FILE:2: share.first_slot is "later"; it must be "overcommit" or "wait"'],
  ['[share]\nclass = "fast"', 'FILE:2: share.class is "fast"; it must be "interactive", "normal" or "background"'],
  ['share = 3', 'FILE:1: share is 3; it must be a table [share]'],
  ['[share]\nuser_max = 0', 'FILE:2: share.user_max is 0; it must be a whole number from 1 to 4096'],
  ['jobs = 4\n[share]\nfirst_slot_max = 5', 'FILE:3: share.first_slot_max is 5; it must be at most jobs, which is 4'],
  ['jobs = 4\n[limits]\nmin_slots = 5', 'FILE:3: limits.min_slots is 5; it must be at most jobs, which is 4'],
  ['[limits]\nmin_memory = "5 percent"', `FILE:2: limits.min_memory is "5 percent"; ${minMemory}`],
  // Whoever writes that means percent, or something else, but not bytes.
  ['[limits]\nmin_memory = 5', `FILE:2: limits.min_memory is 5; ${minMemory}`],
  ['[limits]\nmin_memory = "100%"', `FILE:2: limits.min_memory is "100%"; ${minMemory}`],
  ['[limits]\nmin_memory = "1 GB"', `FILE:2: limits.min_memory is "1 GB"; ${minMemory}`],
  [
    '[limits]\nmemory_per_job = 5',
    'FILE:2: limits.memory_per_job is 5; it must be bytes like "256MiB", at least "1MiB"',
  ],
  ['[limits]\nramp = 0', 'FILE:2: limits.ramp is 0; it must be slots per second, a number above 0 to 4096'],
  [
    '[limits]\nmax_cpu_pressure = 101',
    'FILE:2: limits.max_cpu_pressure is 101; it must be a number of percent from 0 (off) to 100',
  ],
  [
    '[share]\nfirstslot = "wait"',
    `FILE:2: unknown key firstslot in [share]; there are ${inShare} | did you mean first_slot?`,
  ],
  ['min_memory = 3', `FILE:1: unknown key min_memory; ${keys} | min_memory belongs into [limits]`],
  ['[[rule]]\nuser = "rooot"\nmax = 1', 'FILE:2: user is "rooot", but there is no such user | did you mean "root"?'],
  ['[[rule]]\nmax = 1', 'FILE:1: a rule must have one of user, group, label, cgroup | for all builds: [share]'],
  ['[[rule]]\nuser = 0', 'FILE:1: a rule must have one of weight, class, max, build_max'],
  ['[[rule]]\nuser = 0\nweight = 0', 'FILE:3: weight is 0; it must be a number from 0.01 to 1000'],
  ['[rule]\nuser = 0', 'FILE:1: rule is {"user":0}; it must be tables [[rule]]'],
  ['state = "var"', 'FILE:1: state is "var"; it must be an absolute path'],
  ['jobs = nan', `FILE:1: jobs is nan; ${jobs}`],
  ['jobs = [8]', `FILE:1: jobs is [8]; ${jobs}`],
  ['jobs = 07:32:00', `FILE:1: jobs is 07:32:00.000; ${jobs}`],
  ['JOBS = 8', `FILE:1: unknown key JOBS; ${keys} | did you mean jobs?`],
  ['"a b" = 1', `FILE:1: unknown key "a b"; ${keys}`],
  ['[Limits]\nramp = 1', `FILE:1: unknown key Limits; ${keys} | did you mean limits?`],
  ['[[rules]]\nuser = 0', `FILE:1: unknown key rules; ${keys} | did you mean rule?`],
  ['\n[a.b]\nc = 1', `FILE:2: unknown key a; ${keys}`],
  ['[share]\nclass = "normal"\n[share.x]\ny = 1', `FILE:3: unknown key x in [share]; there are ${inShare}`],
  ['[[limits]]\nramp = 2', 'FILE:1: limits is [{"ramp":2}]; it must be a table [limits]'],
  ['share.first_slot = "wait"\nshare.class = "fast"', `FILE:2: share.class is "fast"; ${classes}`],
  ['[ \'share\' ] # how\n"class" = "fast"', `FILE:2: share.class is "fast"; ${classes}`],
  // What looks like a table stands in a text.
  ['[share]\nclass = "normal"\n[[rule]]\nlabel = """\n[share]\nclass = 3\n"""\nmax = 0', `FILE:8: max is 0; ${jobs}`],
  ['rule = [\n  { user = 0, max = 1 },\n  { user = 0, max = 0 },\n]', `FILE:1: max is 0; ${jobs}`],
  ['[[rule]]\nuser = 0\nmax = 1\nmax = 2', 'FILE:4:1: not TOML: trying to redefine an already defined table or value'],
  ['[share]\nclass = "normal"\n[share]', 'FILE:3:2: not TOML: trying to redefine an already defined table or value'],
  ['jobs = 1\njobs = 2', 'FILE:2:1: not TOML: trying to redefine an already defined table or value'],
  ['jobs = ', 'FILE:1:8: not TOML: invalid value'],
] as const) {
  test(`${JSON.stringify(text)} is refused`, (t) => {
    assert.equal(refusal(t, text), said);
  });
}

test('stint config check says everything that is wrong, in the order of the file', async (t) => {
  const place = new Place(t);
  const file = join(place.folder, 'stint.toml');
  writeFileSync(file, 'jobs = 0\ncolour = 1\n[limits]\nmin_slots = 1\nmin_slot = 2\n[[rule]]\nweight = 1\nmax = "x"\n');
  const { code, stdout, stderr } = await place.stint(['config', 'check', file]);
  assert.deepEqual([code, stdout], [1, '']);
  const said = stderr.split('\n').filter((line) => line.startsWith('stint: '));
  assert.deepEqual(
    said.map((line) => line.slice(0, line.indexOf(';')).replace(`stint: ${file}`, '')),
    [':1: jobs is 0', ':2: unknown key colour', ':5: unknown key min_slot in [limits]', ':8: max is "x"'],
  );
  assert.deepEqual(checkConfig(file).length, 4);

  writeFileSync(file, 'jobs = 4\n[share]\nfirst_slot_max = 5\n[[rule]]\nmax = 1\n[[rule]]\ngroup = "rot"\n');
  const second = await place.stint(['config', 'check', file]);
  assert.deepEqual([second.code, second.stderr.match(/^stint: /gm)?.length], [1, 4]);

  // What does not go together is said beside what can never be.
  writeFileSync(
    file,
    'jobs = 4\n[share]\nfirst_slot_max = 5\nclass = "x"\n[limits]\nmin_slots = 5\n[[rule]]\nmax = 0\n',
  );
  assert.deepEqual(
    checkConfig(file).map(({ line }) => line),
    [3, 4, 6, 8],
  );

  writeFileSync(file, 'jobs = 4\n');
  const third = await place.stint(['config', 'check', file]);
  assert.deepEqual([third.code, third.stdout, third.stderr], [0, `${file} is in order\n`, '']);
  const none = await place.stint(['config', 'check', join(place.folder, 'none')]);
  assert.match(none.stderr, /^stint: cannot read \S+: no such file or directory\n$/);
  assert.equal(none.code, 1);
});

/** One of each type, and of what is hardly ever meant. */
const ODD = [
  'true',
  '"\\u0007"',
  '""',
  '-1',
  '1.5',
  '1e9',
  'inf',
  'nan',
  '[1]',
  '[]',
  '{ a = 1 }',
  '1979-05-27',
  '12:00:00',
];

test('whatever stands for a key is taken, or it is said on which line it stands and what it must be', (t) => {
  const file = join(temporaryFolder(t), 'stint.toml');
  for (const [place, names] of Object.entries(PLACES)) {
    for (const key of names) {
      if (['share', 'limits', 'rule', 'client'].includes(key)) continue;
      let refused = 0;
      for (const value of ODD) {
        const before = `# one\n${place}\n`;
        writeFileSync(file, `${before}# two\n${key} = ${value}\n`);
        const name = place.startsWith('[[') || place === '' ? key : `${place.slice(1, -1)}.${key}`;
        for (const { line, message } of checkConfig(file)) {
          const about = message.startsWith(`${file}:4: ${name} is `);
          // What a table lacks beside it is said of the table, and a name is looked up.
          if (!about) assert.match(message, /:2: (?:a rule must have one of|\w+ is missing; it must be) /);
          else assert.match(message, /(?:; it must be .{4}|, but there is no such (?:user|group)$)/);
          assert.equal(message.split(':')[1], String(line));
          if (about) refused++;
        }
      }
      assert.ok(refused >= 8, `${place} ${key}: only ${refused} of ${ODD.length} are refused`);
    }
  }
});

test('a long value is not shown whole', (t) => {
  assert.match(refusal(t, `on_term = "${'x'.repeat(1000)}"`), /^FILE:1: on_term is "x{58}…; it must be/);
});
