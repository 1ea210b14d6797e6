// Whose subordinate users are: lines of /etc/subuid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerAmong, rangesIn } from '../../src/process/owners.ts';

const FILE = `ada:100000:65536
1001:165536:65536
root:300000:65536
0:400000:10
nobody-knows:500000:10
ada:0:1
ada:x:1
# a comment:1:2
ada:600000:1`;
const ids: Record<string, number> = { ada: 1000, root: 0, '0': 0, '1001': 1001 };

test('a subordinate user is its owner, however the file names that', () => {
  const among = rangesIn(FILE, (name) => ids[name]);
  const owners = [99_999, 100_000, 165_535, 165_536, 231_071, 231_072, 600_000, 600_001].map((uid) =>
    ownerAmong(among, uid),
  );
  assert.deepEqual(owners, [99_999, 1000, 1000, 1001, 1001, 231_072, 1000, 600_001]);
});

test('those of root, of nobody, and lines that say nothing are users of their own', () => {
  const among = rangesIn(FILE, (name) => ids[name]);
  for (const uid of [0, 1, 1000, 300_000, 400_005, 500_000]) assert.equal(ownerAmong(among, uid), uid);
  assert.deepEqual(rangesIn(''), []);
});
