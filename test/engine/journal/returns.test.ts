// A kill right after a return was answered: whoever had the slot does not have it any more, whichever process returned it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../../src/core/ledger.ts';
import { Counters } from '../../../src/engine/journal/counters.ts';
import { layOut, wordsFor } from '../../../src/engine/journal/layout.ts';
import { PastCounters } from '../../../src/engine/journal/past.ts';
import { FileNode } from '../../../src/nodes/file.ts';
import { Channel } from '../../../src/nodes/fuse/channel.ts';
import { Request } from '../../../src/nodes/fuse/wire.ts';

for (const returner of [0, 1]) {
  test(`the slot of a process that ${returner === 0 ? 'it' : 'another one'} returned is not lost by a kill between answer and account`, () => {
    const words = new Int32Array(wordsFor(4, 4, 1));
    layOut(words, 4, 1);
    const counters = new Counters(words);
    const ledger = new Ledger(4, () => {}, {
      scribe: {
        opened: (client) => {
          client.record = counters.open();
        },
        booked: ({ record, held }) => counters.set(record, held),
        forgotten: () => {},
      },
    });
    let left = words.slice();
    const channel = new Channel((_bytes, length) => {
      left = words.slice(); // a kill here
      return length;
    });
    const file = new FileNode(ledger, channel, { recall: () => {}, now: () => 0 }, counters);
    const build = ledger.openBuild({ user: 1 });
    const threads = [1, 2].map((tid) => {
      const caller = { client: ledger.openClient(build, 'exact', tid), alive: true };
      return { tid, caller, ownerLow: tid, ownerHigh: 0 };
    });
    const [taker, other] = threads as [(typeof threads)[0], (typeof threads)[0]];
    const fh = file.open(request(1));
    file.read(request(2, fh), taker);
    file.write(request(3, fh), other); // both use one open file
    file.read(request(4, fh), taker);
    const before = taker.caller.client.held;
    file.write(request(5, fh), threads[returner] as typeof taker);
    assert.equal(taker.caller.client.held, before - 1);
    const past = new PastCounters(left);
    past.settle(() => false, 0);
    assert.equal(past.value(counters.markOf(taker.caller.client.record)), before - 1);
    assert.equal(past.value(counters.markOf(other.caller.client.record)), other.caller.client.held);
  });
}

function request(unique: number, fh = 0): Request {
  const made = Object.create(Request.prototype) as Request;
  return Object.defineProperties(made, {
    uniqueLow: { value: unique },
    uniqueHigh: { value: 0 },
    unique: { value: unique },
    fh: { value: fh },
    size: { value: 1 },
    fileFlags: { value: 2 },
  });
}
