// Reads and writes of the file node: who gets a slot, who waits, and what comes back when. A kernel of the test's own calls it.
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { test } from 'node:test';
import { INODE, O_NONBLOCK, opener, Stage, takeAll } from './fuse/stage.ts';

test('a read takes one slot whatever it asks for, and gets one byte', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  const read = stage.read(person, fh, { size: 100 });
  assert.equal(stage.answers.get(read)?.body.toString(), '+');
  assert.equal(person.client.held, 1);
  assert.equal(stage.ledger.free, 1);
});

test('a read of nothing takes nothing', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  const read = stage.read(person, fh, { size: 0 });
  assert.deepEqual([stage.end(read), stage.answers.get(read)?.body.length], ['ok', 0]);
  assert.equal(person.client.held, 0);
});

test('a read of a file that is not open, or open for writing only, is refused', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  assert.equal(stage.end(stage.read(person, fh + 1n)), 'EBADF');
  assert.equal(stage.end(stage.read(person, 2n ** 40n)), 'EBADF');
  assert.equal(stage.end(stage.read(person, fh, { flags: 1 })), 'EBADF');
  assert.equal(person.client.held, 0);
});

test('with nothing free, who blocks waits, and who does not is told to try again', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const { person, fh } = opener(stage);
  assert.equal(stage.tryRead(person, fh), 'EAGAIN');
  const read = stage.read(person, fh);
  assert.equal(stage.end(read), undefined);
  assert.equal(stage.ledger.waiting, 1);
  stage.write(holder.person, holder.fh);
  assert.equal(stage.end(read), 'ok');
  assert.equal(person.client.held, 1);
});

test('whether a read blocks is decided by the flags that the file has at that moment', () => {
  const stage = new Stage(1);
  takeAll(stage);
  const { person, fh } = opener(stage);
  const read = stage.read(person, fh);
  assert.equal(stage.end(stage.read(person, fh, { flags: O_NONBLOCK })), 'EAGAIN');
  assert.equal(stage.end(read), undefined);
});

test('who does not wait gets a slot that lies unused elsewhere', () => {
  const stage = new Stage(1);
  const pipe = stage.ledger.openClient(stage.ledger.openBuild(), 'offers');
  stage.ledger.offer(pipe, 1);
  stage.onRecall = () => stage.ledger.withdraw(pipe, pipe.offered);
  const { person, fh } = opener(stage);
  assert.equal(stage.tryRead(person, fh), 'ok');
  assert.equal(stage.recalls, 1);
});

test('one write returns as many slots as it has bytes', () => {
  const stage = new Stage(4);
  const holder = takeAll(stage);
  const waiting = [0, 1, 2].map(() => opener(stage));
  const reads = waiting.map(({ person, fh }) => stage.read(person, fh));
  const write = stage.write(holder.person, holder.fh, 3);
  assert.equal(stage.body('fuse_write_out', write).size, 3);
  assert.deepEqual(
    reads.map((read) => stage.end(read)),
    ['ok', 'ok', 'ok'],
  );
  assert.equal(holder.person.client.held, 1);
});

test('what is taken through one open file can be returned through another, by any thread', () => {
  const stage = new Stage(2);
  const person = stage.person(undefined, 2);
  const [first, second] = [stage.open(person), stage.open(person)];
  stage.read(person, first, { thread: 1 });
  stage.write(person, second);
  assert.equal(person.client.held, 0);
  assert.equal(stage.ledger.free, 2);
});

test('who returns what another took through the same open file clears that account', () => {
  const stage = new Stage(3);
  const { person: parent, fh } = opener(stage);
  stage.read(parent, fh);
  const child = stage.person(parent.build);
  stage.write(child, fh);
  assert.deepEqual([parent.client.held, child.client.held, stage.ledger.free], [0, 0, 3]);
});

test('a client lends the slot of its own job once; more that it returns is counted and changes nothing', () => {
  const stage = new Stage(3);
  const { person, fh } = opener(stage);
  const own = stage.ledger.openClient(person.build, 'implicit');
  stage.ledger.charge(own);
  stage.write(person, fh);
  assert.deepEqual([person.client.held, stage.ledger.free], [-1, 3]);
  stage.write(person, fh, 4);
  assert.deepEqual([person.client.held, stage.ledger.free, stage.file.surplus], [-1, 3, 4]);
  assert.equal(stage.tryRead(person, fh), 'ok');
  assert.deepEqual([person.client.held, stage.ledger.free], [0, 2]);
});

test('a client without anything to lend adds nothing to the pool', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  stage.write(person, fh, 2);
  assert.deepEqual([stage.ledger.free, stage.file.surplus], [2, 2]);
});

test('a read whose caller is gone when it is answered gives its slot back', () => {
  const stage = new Stage(1);
  const { person, fh } = opener(stage);
  stage.write(person, fh); // from now on it is known
  stage.unheard.add(stage.next);
  stage.read(person, fh);
  assert.deepEqual([person.client.held, stage.ledger.free], [0, 1]);
});

test('a slot that is granted to a reader who is gone goes to the next', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const [first, second] = [opener(stage), opener(stage)];
  const lost = stage.read(first.person, first.fh);
  const read = stage.read(second.person, second.fh);
  stage.unheard.add(lost);
  stage.write(holder.person, holder.fh);
  assert.equal(stage.end(read), 'ok');
  assert.equal(first.person.client.held, 0);
});

test('the engine is asked to look again when a slot could not be delivered, whatever freed it', () => {
  const stage = new Stage(2);
  takeAll(stage);
  const [first, second] = [opener(stage), opener(stage)];
  const lost = stage.read(first.person, first.fh);
  const read = stage.read(second.person, second.fh);
  stage.unheard.add(lost);
  stage.ledger.setCapacity(3);
  stage.engine();
  assert.equal(stage.end(read), 'ok');
});

test('an interrupted read ends and waits no more; an unknown number is ignored', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const { person, fh } = opener(stage);
  const read = stage.read(person, fh);
  stage.interrupt(read);
  assert.equal(stage.end(read), 'EINTR');
  assert.equal(stage.ledger.waiting, 0);
  stage.interrupt(read);
  stage.interrupt(12345678n);
  stage.write(holder.person, holder.fh);
  assert.equal(stage.ledger.free, 1);
});

test('a read and a write of somebody unknown wait for the look-up, and an interrupt meanwhile ends them', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  const child = stage.person(person.build);
  stage.late = true;
  const [read, given, write] = [stage.read(child, fh), stage.read(child, fh), stage.write(child, fh)];
  stage.interrupt(given);
  assert.deepEqual(
    [read, given, write].map((unique) => stage.end(unique)),
    [undefined, 'EINTR', undefined],
  );
  stage.lookUp();
  assert.deepEqual(
    [read, write].map((unique) => stage.end(unique)),
    ['ok', 'ok'],
  );
  assert.deepEqual([child.client.held, stage.ledger.free], [0, 2]);
});

test('with O_DIRECT there is nothing to read, and nothing to map: a slot is for who reads it', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  const { header } = stage.as(person);
  assert.equal(stage.end(stage.send('READ', header, { fh, size: 4096, flags: 2, read_flags: 0 })), 'EINVAL');
  assert.equal(stage.end(stage.read(person, fh, { flags: 2 | constants.O_DIRECT })), 'EINVAL');
  assert.equal(stage.ledger.free, 2);
});

test('what is owed to a writer while he is looked up is paid, also when he gives up or cannot be told', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  stage.late = true;
  const child = stage.person(person.build);
  stage.write(child, fh);
  const interrupted = stage.write(stage.person(person.build), fh);
  const gone = stage.person(person.build);
  stage.write(gone, fh);
  stage.people.delete(gone.tids[0] as number);
  stage.interrupt(interrupted);
  assert.equal(stage.owed.size, 3);
  stage.lookUp();
  assert.equal(stage.owed.size, 0);
});

test('who cannot be told is refused', () => {
  const stage = new Stage(2);
  const { fh } = opener(stage);
  const header = { nodeid: INODE.node, pid: 0 };
  assert.equal(stage.end(stage.send('READ', header, { fh, size: 1, read_flags: 2 })), 'EACCES');
  assert.equal(stage.end(stage.send('WRITE', header, { fh, size: 1 })), 'EACCES');
  assert.equal(stage.end(stage.send('POLL', header, { fh, flags: 1 })), 'EACCES');
  assert.equal(stage.ledger.free, 2);
});

test('a thread number that came back with another process is not booked to the old one', () => {
  const stage = new Stage(2);
  const { person, fh } = opener(stage);
  stage.tryRead(person, fh);
  const other = stage.person(person.build);
  stage.people.set(person.tids[0] as number, other);
  const read = stage.send('READ', stage.as(person).header, { fh, size: 1, read_flags: 2, lock_owner: other.owner });
  assert.equal(stage.end(read), 'ok');
  assert.deepEqual([person.client.held, other.client.held], [1, 1]);
});

test('the death of a process brings back what it has, and ends its reads', () => {
  const stage = new Stage(2);
  const { person } = takeAll(stage);
  const next = opener(stage);
  const read = stage.read(next.person, next.fh);
  stage.die(person);
  assert.equal(stage.end(read), 'ok');
  assert.equal(stage.ledger.free, 1);
  stage.die(next.person);
  assert.equal(stage.ledger.free, 2);
});

test('a released file is closed, and its number is used again', () => {
  const stage = new Stage(1);
  const { person, fh } = opener(stage);
  assert.equal(stage.end(stage.release(fh)), 'ok');
  assert.equal(stage.file.opens, 0);
  assert.equal(stage.open(person), fh);
});
