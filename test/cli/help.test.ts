// `stint` itself: its verbs, and what is said to a word that is none.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { nearest } from '../../src/errors.ts';
import { VERSION } from '../../src/version.ts';
import { Place } from '../helpers/pool.ts';
import { VERBS } from '../helpers/verbs.ts';

const place = new Place({ after });

const wrong: [args: string[], message: string, hint: string][] = [
  [[], 'no verb given', `say what to do: ${VERBS.join(', ')}; or see: stint --help`],
  [['rnu'], 'unknown verb rnu', "did you mean 'stint run'?"],
  [['staus', '--json'], 'unknown verb staus', "did you mean 'stint status'?"],
  [['SERVE'], 'unknown verb SERVE', 'see: stint --help'],
  [['make', '-j4'], 'unknown verb make', 'see: stint --help'],
  [['--hepl'], 'unknown option --hepl', 'did you mean --help?'],
  [['--verison'], 'unknown option --verison', 'did you mean --version?'],
  [['-v'], 'unknown option -v', 'see: stint --help'],
  [[''], 'unknown verb ', 'see: stint --help'],
  [['constructor'], 'unknown verb constructor', 'see: stint --help'],
];
for (const [args, message, hint] of wrong) {
  test(`stint ${args.join(' ')} ends with 2 and one line of advice`, async () => {
    const { code, stdout, stderr } = await place.stint(args);
    assert.deepEqual([code, stdout, stderr], [2, '', `stint: ${message}\nhint: ${hint}\n`]);
  });
}

test('stint --help, -h and help name every verb', async () => {
  const help = await place.stint(['--help']);
  assert.deepEqual([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: stint VERB/);
  for (const verb of VERBS) assert.match(help.stdout, new RegExp(`^  (?:stint .*, )?stint ${verb} `, 'm'));
  for (const word of ['-h', 'help']) assert.equal((await place.stint([word])).stdout, help.stdout);
});

test('every verb explains itself', async () => {
  for (const verb of VERBS) {
    const { code, stdout, stderr } = await place.stint([verb, '--help']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(stdout.startsWith(`Usage: stint ${verb} `), stdout);
    assert.ok(
      stdout.split('\n').every((line) => line.length <= 125),
      stdout,
    );
  }
});

test('no option is known that was not described', async () => {
  for (const option of ['--constructor', '--to-string', '--__proto__=1', '--toString']) {
    const { code, stderr } = await place.stint(['status', option]);
    assert.deepEqual([code, stderr.split('\n')[0]], [2, `stint: status: unknown option ${option.split('=')[0]}`]);
  }
});

test('stint --version tells the version', async () => {
  const { code, stdout } = await place.stint(['--version']);
  assert.deepEqual([code, stdout], [0, `stint ${VERSION}\n`]);
});

test('a word has the nearest known one as a suggestion, and nothing when all are far', () => {
  const known = ['run', 'serve', 'status'];
  const near: [word: string, suggested: string | undefined][] = [
    ['rn', 'run'],
    ['rnu', 'run'],
    ['urn', 'run'],
    ['runs', 'run'],
    ['sevre', 'serve'],
    ['stauts', 'status'],
    ['state', undefined],
    ['r', undefined],
    ['make', undefined],
    ['', undefined],
    ['x'.repeat(1000), undefined],
  ];
  for (const [word, suggested] of near) assert.equal(nearest(word, known), suggested, word);
});
