// What a jobserver must do, as its clients need it, and what a good one does beyond that. Each check begins with all slots there,
// leaves its clients to whoever runs it, and says in a few words what it found.
import { constants } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { EPOLLIN } from '../kernel/epoll.ts';
import { EAGAIN } from '../kernel/io.ts';
import { POLLIN, POLLOUT } from '../kernel/poll.ts';
import { type Client, errnoName, type Scene } from './scene.ts';

export interface Check {
  /** For programs. */
  id: string;
  /** For people: what is true when it passes. */
  title: string;
  /** Whether clients break without it. */
  required: boolean;
  /** Whether it leaves slots that only a server takes back. */
  loses?: true;
  run(scene: Scene): Promise<Found>;
}

export interface Found {
  passed: boolean;
  /** What was seen, where the verdict does not say it all. */
  found?: string;
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;
const WAYS = { O_RDWR, O_RDONLY, O_WRONLY };

/** How long something may take that should be at once, milliseconds; much, as the machine may be busy. */
const PROMPT = 10_000;
/** How long something that must not happen is waited for, milliseconds. */
const NEVER = 150;
/** How often an interrupted client is interrupted, milliseconds. */
const ALARM = 40;

/** What redo and gcc write, and the end of a string. */
const ANY = 't\0G';

export const CHECKS: readonly Check[] = [
  {
    id: 'open',
    title: 'it can be opened to read, to write and to do both, with and without O_NONBLOCK',
    required: true,
    async run(scene) {
      const { agent } = await scene.client();
      for (const [name, flags] of Object.entries(WAYS)) {
        for (const more of [0, O_NONBLOCK]) {
          const fd = await agent.ask('open', { path: scene.path, flags: flags | more }, PROMPT);
          if (fd < 0) return { passed: false, found: `${name}: ${errnoName(fd)}` };
        }
      }
      return { passed: true };
    },
  },
  {
    id: 'slots',
    title: 'one client gets all of its slots, one byte each, and no more',
    required: true,
    async run(scene) {
      const client = await scene.client();
      await client.take(scene.slots);
      await client.takeAll();
      return equal(client.held, scene.slots);
    },
  },
  {
    id: 'empty',
    title: 'a read that may not wait says EAGAIN when there is none',
    required: true,
    run: (scene) =>
      withNone(scene, async () => {
        const client = await scene.client();
        return equal(await client.read(PROMPT), -EAGAIN);
      }),
  },
  {
    id: 'fcntl',
    title: 'O_NONBLOCK counts also when it is set after the open',
    required: true,
    run: (scene) =>
      withNone(scene, async () => {
        const client = await scene.client(O_RDWR);
        await client.agent.ask('nonblocking', { fd: client.fd, on: true });
        return equal(await client.read(PROMPT), -EAGAIN);
      }),
  },
  {
    id: 'wait',
    title: 'a read that may wait gets the slot that another client returns',
    required: true,
    run: (scene) =>
      withNone(scene, async (holder) => {
        const client = await scene.client(O_RDWR);
        return comes(client.read(PROMPT), holder);
      }),
  },
  {
    id: 'poll',
    title: 'poll(2) wakes up for a slot that comes, not before, and one may always write',
    required: true,
    run: (scene) =>
      withNone(scene, async (holder) => {
        const { agent, fd } = await scene.client();
        const events = await agent.ask('poll', { fd, events: POLLIN | POLLOUT, ms: 0 });
        if (events !== POLLOUT) return { passed: false, found: `events ${events} while there is none` };
        return comes(agent.ask('poll', { fd, events: POLLIN, ms: PROMPT }, 2 * PROMPT), holder, POLLIN);
      }),
  },
  {
    id: 'epoll',
    title: 'epoll(7) wakes up for a slot, too',
    required: true,
    run: (scene) =>
      withNone(scene, async (holder) => {
        const { agent, fd } = await scene.client();
        return comes(agent.ask('epoll', { fd, ms: PROMPT }, 2 * PROMPT), holder, EPOLLIN);
      }),
  },
  {
    id: 'bytes',
    title: 'slots come back by any bytes, several in one write',
    required: true,
    async run(scene) {
      const client = await scene.client();
      const taken = await client.take(Math.min(ANY.length, scene.slots));
      const written = await client.agent.ask('write', { fd: client.fd, text: ANY.slice(0, taken) });
      client.held -= Math.max(0, written);
      return written === taken ? allThere(scene) : equal(written, taken);
    },
  },
  {
    id: 'other-open',
    title: 'a slot taken through one open file comes back through another one',
    required: true,
    async run(scene) {
      const client = await scene.client(O_RDONLY | O_NONBLOCK);
      const other = await scene.open(client.agent, O_WRONLY);
      await client.take(1);
      await client.give(1, other);
      return allThere(scene);
    },
  },
  {
    id: 'inherit',
    title: 'descriptors that are inherited over fork and exec serve as well',
    required: true,
    async run(scene) {
      const heir = scene.heir(await scene.crew.hire([scene.fd, scene.fd]), 3);
      const taken = await heir.take(1);
      if (taken !== 1) return equal(taken, 1);
      await heir.give(1, 4);
      return allThere(scene);
    },
  },
  {
    id: 'returns-first',
    title: 'a client may return the slot of its own first job, and take one again later',
    required: true,
    async run(scene) {
      const client = await scene.client();
      await client.give(1);
      return equal(await client.take(1), 1);
    },
  },
  {
    id: 'interrupt',
    title: 'a read that waits ends with EINTR when a signal comes',
    required: true,
    run: (scene) =>
      withNone(scene, async () => {
        const client = await scene.client(O_RDWR);
        const found = errnoName(await client.read(PROMPT, { every: ALARM, restart: false }));
        return { passed: found === 'EINTR', found };
      }),
  },
  {
    id: 'killed-waiter',
    title: 'a client that is killed while it waits is gone, and takes no slot with it',
    required: true,
    run: (scene) =>
      withNone(scene, async (holder) => {
        const client = await scene.client(O_RDWR);
        client.read(PROMPT).catch(() => {}); // it is killed
        await pause(NEVER);
        await client.agent.kill();
        await holder.give(1);
        return equal(await holder.take(1), 1);
      }),
  },
  {
    id: 'restart',
    title: 'a read that waits goes on after a signal whose handler asks for that (SA_RESTART)',
    required: false,
    run: (scene) =>
      withNone(scene, async (holder) => {
        const client = await scene.client(O_RDWR);
        return comes(client.read(PROMPT, { every: ALARM, restart: true }), holder);
      }),
  },
  {
    id: 'other-process',
    title: 'a slot that one process took comes back from another one',
    required: false,
    async run(scene) {
      const [taker, giver] = [await scene.client(), await scene.client()];
      await taker.take(1);
      await giver.give(1);
      taker.held = 0;
      return allThere(scene);
    },
  },
  {
    id: 'reclaim',
    title: 'slots of a client that is killed come back',
    required: false,
    loses: true,
    async run(scene) {
      const client = await scene.client();
      await client.take(scene.slots);
      await client.agent.kill();
      return allThere(scene, scene.reclaim);
    },
  },
  {
    id: 'reclaim-inherited',
    title: 'so do those of one that has inherited its descriptor',
    required: false,
    loses: true,
    async run(scene) {
      const heir = scene.heir(await scene.crew.hire([scene.fd]), 3);
      await heir.take(1);
      await heir.agent.kill();
      return allThere(scene, scene.reclaim);
    },
  },
  {
    id: 'surplus',
    title: 'slots that were never taken and are returned add nothing to the pool',
    required: false,
    loses: true,
    async run(scene) {
      const client = await scene.client();
      await client.give(5);
      await client.agent.kill();
      return allThere(scene, scene.reclaim);
    },
  },
];

/** Runs `check` while a client holds all slots. */
async function withNone(scene: Scene, check: (holder: Client) => Promise<Found>): Promise<Found> {
  const holder = await scene.client();
  const taken = await holder.take(scene.slots);
  return taken === scene.slots ? check(holder) : { passed: false, found: `only ${taken} slots could be taken` };
}

/** Whether `answer` comes when `holder` returns a slot, not before it does, and is the `wanted` one. */
async function comes(answer: Promise<number>, holder: Client, wanted = 1): Promise<Found> {
  const early = await Promise.race([answer, pause(NEVER)]);
  if (early !== undefined) return { passed: false, found: `it does not wait: ${errnoName(early)}` };
  await holder.give(1);
  return equal(await answer, wanted);
}

/** Whether all slots are there, and no more. */
async function allThere(scene: Scene, patience?: number): Promise<Found> {
  const found = await scene.count(patience);
  return found === scene.slots ? { passed: true } : { passed: false, found: `${found} of ${scene.slots} are there` };
}

const equal = (found: number, wanted: number): Found =>
  found === wanted ? { passed: true } : { passed: false, found: errnoName(found) };
