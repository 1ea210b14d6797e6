import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { groupId, groupName, groupNames } from '../../src/process/groups.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const GROUPS = `root:x:0:
# a comment:x:1:
builders:x:250:ada,bob
+nis:x:300:
broken

empty::70000:
`;

test('groups have names and numbers', (t) => {
  const file = join(temporaryFolder(t), 'group');
  writeFileSync(file, GROUPS);
  assert.deepEqual(groupNames(file), ['root', 'builders', 'empty']);
  assert.equal(groupId('root', file), 0);
  assert.equal(groupId('builders', file), 250);
  assert.equal(groupId('empty', file), 70_000);
  assert.equal(groupName(250, file), 'builders');
});

test('a number stands for itself, whether it has a name or not', (t) => {
  const file = join(temporaryFolder(t), 'group');
  writeFileSync(file, GROUPS);
  assert.equal(groupId('250', file), 250);
  assert.equal(groupId('4294967294', file), 4_294_967_294);
  assert.equal(groupName(4711, file), '4711');
});

test('what is no group has no number', (t) => {
  const file = join(temporaryFolder(t), 'group');
  writeFileSync(file, GROUPS);
  for (const name of ['', 'builder', 'nis', '+nis', '-1', '4294967295', '99999999999', 'root:x'])
    assert.equal(groupId(name, file), undefined, name);
});

test('without a file there are only numbers', () => {
  assert.equal(groupId('root', '/nowhere/group'), undefined);
  assert.equal(groupId('7', '/nowhere/group'), 7);
  assert.equal(groupName(7, '/nowhere/group'), '7');
});

test('the machine has its groups', () => {
  assert.equal(groupId('root'), 0);
  assert.equal(groupName(0), 'root');
});
