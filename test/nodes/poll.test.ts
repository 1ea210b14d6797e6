// Polls of the file node: who is rung, for whom a slot is set aside, and when it passes on. A kernel of the test's own calls it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RESERVED_AGAIN, RESERVED_FOR } from '../../src/nodes/file.ts';
import { handleOf, opener, Stage, takeAll } from './fuse/stage.ts';

test('poll says whether a slot is free, and one may always write', () => {
  const stage = new Stage(1);
  const { person, fh } = opener(stage);
  assert.equal(stage.body('fuse_poll_out', stage.poll(person, fh)).revents, 0x145);
  takeAll(stage);
  assert.equal(stage.body('fuse_poll_out', stage.poll(person, fh)).revents, 0x104);
});

test('who polls without waiting is not rung, and waits for nothing', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const { person, fh } = opener(stage);
  stage.poll(person, fh, { notify: false });
  assert.equal(stage.ledger.waiting, 0);
  stage.write(holder.person, holder.fh);
  assert.deepEqual(stage.rung, []);
});

test('a poller is rung when its turn comes, and the slot waits for it', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const [poller, reader] = [opener(stage), opener(stage)];
  assert.equal(stage.readable(stage.poll(poller.person, poller.fh)), false);
  const read = stage.read(reader.person, reader.fh);
  stage.write(holder.person, holder.fh);
  assert.deepEqual(stage.rung, [handleOf(poller.fh)]);
  assert.equal(stage.end(read), undefined);
  assert.equal(stage.readable(stage.poll(holder.person, holder.fh)), false, 'it is not for others');
  assert.equal(stage.readable(stage.poll(poller.person, poller.fh)), true);
  assert.equal(stage.tryRead(poller.person, poller.fh), 'ok');
  assert.deepEqual([poller.person.client.held, poller.person.client.offered], [1, 0]);
});

test('a slot that a poller does not come for passes on to the next', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const [poller, reader] = [opener(stage), opener(stage)];
  stage.poll(poller.person, poller.fh);
  const read = stage.read(reader.person, reader.fh);
  stage.write(holder.person, holder.fh);
  stage.pass(RESERVED_FOR - 0.1);
  assert.equal(stage.end(read), undefined);
  stage.pass(0.1);
  assert.equal(stage.end(read), 'ok');
  assert.equal(stage.file.nextLook(), Number.POSITIVE_INFINITY);
});

test('a poller that let a slot pass has less time for the next one', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const [poller, reader] = [opener(stage), opener(stage)];
  stage.poll(poller.person, poller.fh);
  stage.write(holder.person, holder.fh);
  stage.pass(RESERVED_FOR);
  assert.equal(stage.tryRead(holder.person, holder.fh), 'ok');
  stage.poll(poller.person, poller.fh);
  const read = stage.read(reader.person, reader.fh);
  stage.write(holder.person, holder.fh);
  stage.pass(RESERVED_AGAIN - 0.1);
  assert.equal(stage.end(read), undefined);
  stage.pass(0.1);
  assert.equal(stage.end(read), 'ok');
});

test('a slot passes on in time, also behind a poller that came for its slot and was rung again', () => {
  const stage = new Stage(2);
  const holder = takeAll(stage);
  const [quick, slow, reader] = [opener(stage), opener(stage), opener(stage)];
  stage.poll(quick.person, quick.fh);
  stage.poll(slow.person, slow.fh);
  stage.write(holder.person, holder.fh, 2);
  stage.pass(RESERVED_FOR - 1);
  let read = 0n;
  stage.together(() => {
    assert.equal(stage.tryRead(quick.person, quick.fh), 'ok');
    stage.poll(quick.person, quick.fh);
    read = stage.read(reader.person, reader.fh);
    stage.write(quick.person, quick.fh);
  });
  stage.pass(1);
  assert.equal(stage.end(read), 'ok');
});

test('who looks in vain between two polls is rung by the next slot', () => {
  const stage = new Stage(1);
  const { person, fh } = opener(stage);
  assert.equal(stage.readable(stage.poll(person, fh)), true);
  const holder = takeAll(stage);
  assert.equal(stage.tryRead(person, fh), 'EAGAIN');
  stage.write(holder.person, holder.fh);
  assert.deepEqual(stage.rung, [handleOf(fh)]);
});

for (const end of ['release', 'death'] as const) {
  test(`the ${end} of a poller passes its slot on, and its wait ends`, () => {
    const stage = new Stage(1);
    const holder = takeAll(stage);
    const [rung, waiting, reader] = [opener(stage), opener(stage), opener(stage)];
    stage.poll(rung.person, rung.fh);
    stage.poll(waiting.person, waiting.fh);
    stage.write(holder.person, holder.fh);
    const read = stage.read(reader.person, reader.fh);
    for (const { person, fh } of [waiting, rung]) {
      if (end === 'death') stage.die(person);
      stage.release(fh);
    }
    assert.equal(stage.end(read), 'ok');
    assert.equal(stage.ledger.waiting, 0);
  });
}

test('of two processes that poll one open file, the one that is left is rung', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const { person: parent, fh } = opener(stage);
  const child = stage.person();
  stage.poll(parent, fh);
  stage.poll(child, fh);
  stage.die(child);
  stage.write(holder.person, holder.fh);
  assert.deepEqual(stage.rung, [handleOf(fh)]);
  assert.equal(stage.readable(stage.poll(parent, fh)), true);
});

test('two processes that poll one open file do not take the slot from each other before one reads', () => {
  const stage = new Stage(1);
  const holder = takeAll(stage);
  const { person: parent, fh } = opener(stage);
  const child = stage.person();
  stage.poll(parent, fh);
  stage.poll(child, fh);
  stage.write(holder.person, holder.fh);
  const looks = [parent, child].map((person) => stage.readable(stage.poll(person, fh)));
  assert.deepEqual(looks.sort(), [false, true]);
  assert.equal(stage.rung.length, 1);
});

test('a poll that does not wait finds a slot that lies unused elsewhere', () => {
  const stage = new Stage(1);
  const pipe = stage.ledger.openClient(stage.ledger.openBuild(), 'offers');
  stage.ledger.offer(pipe, 1);
  stage.onRecall = () => stage.ledger.withdraw(pipe, pipe.offered);
  const { person, fh } = opener(stage);
  assert.equal(stage.readable(stage.poll(person, fh, { notify: false })), true);
});
