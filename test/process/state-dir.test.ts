// Where a daemon keeps what outlives it.
import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stateDir } from '../../src/process/state-dir.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('that of the machine is where the service manager says, else in /var/lib', () => {
  assert.equal(stateDir({ STATE_DIRECTORY: '/a:/b' }, { system: true }), '/a');
  assert.equal(stateDir({}, { system: true }), '/var/lib/stint');
});

test('that of a user is in XDG_STATE_HOME, also when that has to be made', (t) => {
  const base = temporaryFolder(t);
  assert.equal(stateDir({ XDG_STATE_HOME: base }, { system: false }), join(base, 'stint'));
  assert.equal(stateDir({ XDG_STATE_HOME: join(base, 'a/b') }, { system: false }), join(base, 'a/b/stint'));
});

test('in the folder of another user nothing is kept', { skip: process.getuid?.() !== 0 && 'needs root' }, (t) => {
  const base = temporaryFolder(t);
  chownSync(base, 65534, 65534);
  assert.equal(stateDir({ XDG_STATE_HOME: base }, { system: false }), undefined);
});
