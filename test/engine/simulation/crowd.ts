// The processes of the simulated machine, and what each of them can do. What they do at the node are the system calls of real
// clients, as requests to the FUSE device or straight at a FIFO.
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import type { Answer } from '../../nodes/fuse/kernel.ts';
import { decode } from '../../nodes/fuse/kernel.ts';
import { Client, type OpenFile, type OpenPipe, type Program, type Thread } from './client.ts';
import type { Asking } from './device.ts';
import type { Machine } from './machine.ts';

const ROOT = 1;
const FILE = 2;
const FIRST_PIPE = 16;
const O_NONBLOCK = 0o4000;
/** The read comes from read(2). */
const READ_LOCKOWNER = 2;
const POLLIN = 1;
const FIRST_PID = 10_000_000;
const { S_IFMT, S_IFIFO } = constants;

export class Crowd {
  readonly clients: Client[] = [];
  /** What threads do as soon as they run. */
  readonly runnable: (() => void)[] = [];
  readonly #machine: Machine;
  /** Whether a pipe that a process is shown is its own, and not that of a lease it is in. */
  readonly #isOwn: (client: Client) => boolean;
  /** What the engine answers is true. */
  trusts = true;
  /** Told of each process that has ended. */
  onEnd: (client: Client) => void = () => {};
  #started = 1;
  #nextHandle = 1n;

  constructor(machine: Machine, isOwn: (client: Client) => boolean) {
    this.#machine = machine;
    this.#isOwn = isOwn;
    machine.device.onRing = (handle) => this.#ring(handle);
  }

  get living(): Client[] {
    return this.clients.filter(({ alive }) => alive);
  }

  byThread(tid: number): Client | undefined {
    return this.clients.findLast(
      (client) => !client.ended && tid >= client.pid && tid < client.pid + client.threads.length,
    );
  }

  /** A new process; `again`: it gets the number of one that has ended, if there is one. */
  begin(program: Program, parent: Client | undefined, again = false): Client {
    const free = again ? this.clients.find(({ pid, ended }) => ended && this.byThread(pid) === undefined) : undefined;
    const start = this.#started++;
    const client = new Client(free?.pid ?? FIRST_PID + 10 * start, start, program, parent);
    for (const file of parent?.files ?? []) {
      file.users++;
      client.files.push(file);
    }
    for (const pipe of parent?.pipes ?? []) {
      for (const end of new Set([pipe.read, pipe.write])) end.users++;
      client.pipes.push(pipe);
    }
    this.clients.push(client);
    this.#machine.processes.set(client.pid, client);
    return client;
  }

  /** A lease of this process is over: what those in it have is counted no more. True when that is something. */
  disown(root: Client): boolean {
    let lost = false;
    for (const client of this.clients) {
      let one: Client | undefined = client;
      while (one !== undefined && one !== root) one = one.parent;
      if (one === undefined) continue;
      client.disowned = true;
      if (client.held > 0) lost = true;
    }
    return lost;
  }

  /** Opens the node: a file or a pipe, as it is shown. */
  open(client: Client, thread: Thread): void {
    this.#lookup(client, thread, (node) => {
      if (node === FILE) {
        this.#ask(client, thread, 'OPEN', { header: { nodeid: FILE }, body: { flags: 2 } }, (answer) => {
          if (answer.error !== 0) return;
          const { fh } = decode('fuse_open_out', answer.body) as { fh: bigint };
          for (const { files } of this.clients)
            assert.ok(!this.trusts || !files.some((one) => one.fh === fh), `handle ${fh} is used once`);
          client.files.push({ fh, handle: (this.#nextHandle++ << 33n) | 5n, users: 1, rings: 0 });
        });
        return;
      }
      if (client.program !== 'ninja' && client.program !== 'splitter') {
        const end = this.#machine.fifo(node).open({ reads: true, writes: true });
        client.pipes.push({ read: end, write: end });
        return;
      }
      const read = this.#machine.fifo(node).open({ reads: true, writes: false });
      // Without the other end it could return nothing.
      this.#lookup(
        client,
        thread,
        (other) => {
          // A lease began between the two: it gives up, instead of returning there what it takes here.
          if (client.nodes.has(node) !== client.nodes.has(other)) {
            read.close();
            return;
          }
          const write = this.#machine.fifo(other).open({ reads: false, writes: true });
          client.pipes.push({ read, write });
        },
        () => read.close(),
      );
    });
  }

  /** Opens the FIFO of a build in user mode. */
  openPath(client: Client, path: string): void {
    const fifo = this.#machine.fifos.get(path);
    if (fifo === undefined) return;
    const end = fifo.open({ reads: true, writes: true });
    client.pipes.push({ read: end, write: end });
  }

  read(
    client: Client,
    thread: Thread,
    { file, blocks, next }: { file: OpenFile; blocks: boolean; next?: () => void },
  ): void {
    const flags = blocks ? 2 : 2 | O_NONBLOCK;
    const body = { fh: file.fh, size: 1, flags, read_flags: READ_LOCKOWNER, lock_owner: client.owner };
    this.#ask(client, thread, 'READ', { header: { nodeid: FILE }, body }, (answer) => {
      if (answer.error === 0) client.held++;
      if (answer.error === 0 && next !== undefined) this.runnable.push(next);
    });
    if (thread.wait?.on === 'answer') thread.wait.reads = true;
  }

  write(
    client: Client,
    thread: Thread,
    { file, count, next }: { file: OpenFile; count: number; next?: () => void },
  ): void {
    client.held -= count;
    const body = { fh: file.fh, size: count, flags: 2, lock_owner: client.owner };
    this.#ask(client, thread, 'WRITE', { header: { nodeid: FILE }, body, tail: '+'.repeat(count) }, (answer) => {
      if (answer.error !== 0)
        client.held += count; // it was interrupted before it counted
      else if (next !== undefined) this.runnable.push(next);
    });
  }

  poll(client: Client, thread: Thread, file: OpenFile): void {
    const body = { fh: file.fh, kh: file.handle, flags: 1, events: 5 };
    const { rings } = file;
    this.#ask(client, thread, 'POLL', { header: { nodeid: FILE }, body }, (answer) => {
      if (answer.error !== 0) return;
      const { revents } = decode('fuse_poll_out', answer.body) as { revents: number };
      if ((revents & POLLIN) !== 0) this.runnable.push(() => this.#look(client, thread, file));
      else if (file.rings === rings) thread.wait = { on: 'ring', file };
      else this.runnable.push(() => this.#pollAgain(client, thread, file)); // the kernel had it in the queue already
    });
  }

  /** Takes from a pipe what lies there, or waits for it. */
  take(
    client: Client,
    thread: Thread,
    { pipe, blocks, count = 1 }: { pipe: OpenPipe; blocks: boolean; count?: number },
  ): void {
    const got = pipe.read.fifo.take(count);
    if (got > 0) {
      pipe.read.fifo.out += got;
      client.taken.set(pipe, (client.taken.get(pipe) ?? 0) + got);
    } else if (blocks && pipe.read.fifo.writers > 0) thread.wait = { on: 'bytes', pipe };
  }

  giveBack(client: Client, pipe: OpenPipe, count: number): void {
    const put = pipe.write.fifo.readers > 0 ? pipe.write.fifo.put(count) : count; // nobody is there: SIGPIPE ignored
    pipe.write.fifo.out -= put;
    client.taken.set(pipe, (client.taken.get(pipe) ?? 0) - put);
  }

  closeFile(client: Client, file: OpenFile): void {
    client.files.splice(client.files.indexOf(file), 1);
    if (--file.users === 0) {
      this.#machine.device.ask('RELEASE', { header: { nodeid: FILE }, body: { fh: file.fh }, answered: () => {} });
    }
  }

  /** A signal that its handler lets pass. */
  signal(client: Client, thread: Thread, times: number): void {
    const { wait } = thread;
    if (wait?.on === 'answer') this.#machine.device.interrupt(wait.pending, times);
    else if (wait !== undefined && client.alive) thread.wait = undefined;
  }

  /** SIGKILL. `forsaken`: what it waits for in the kernel is gone with it at once. */
  kill(client: Client, forsaken = false): void {
    client.dying = true;
    const { device } = this.#machine;
    for (const thread of client.threads) {
      const { wait } = thread;
      if (wait?.on !== 'answer') thread.wait = undefined;
      else if (device.drop(wait.pending) || (forsaken && device.forsake(wait.pending))) {
        thread.wait = undefined;
        wait.failed();
      } else device.interrupt(wait.pending);
    }
    this.#end(client);
  }

  /** Runs a thread that can run: one that waited for bytes which lie there now, or the next of `runnable`; false when there is none. */
  run(pick: number): boolean {
    const next = this.runnable.splice(pick % Math.max(1, this.runnable.length), 1)[0];
    if (next !== undefined) {
      next();
      return true;
    }
    for (const client of this.clients) {
      for (const thread of client.threads) {
        const { wait } = thread;
        if (wait?.on !== 'bytes' || (wait.pipe.read.fifo.bytes === 0 && wait.pipe.read.fifo.writers > 0)) continue;
        thread.wait = undefined;
        this.take(client, thread, { pipe: wait.pipe, blocks: false });
        return true;
      }
    }
    return false;
  }

  #look(client: Client, thread: Thread, file: OpenFile): void {
    if (client.alive && thread.wait === undefined && client.files.includes(file))
      this.read(client, thread, { file, blocks: false });
  }

  #ring(handle: bigint): void {
    for (const client of this.clients) {
      for (const file of client.files) if (file.handle === handle) file.rings++;
      for (const thread of client.threads) {
        const { wait } = thread;
        if (wait?.on !== 'ring' || wait.file.handle !== handle) continue;
        thread.wait = undefined;
        this.runnable.push(() => this.#pollAgain(client, thread, wait.file));
      }
    }
  }

  #pollAgain(client: Client, thread: Thread, file: OpenFile): void {
    if (client.alive && thread.wait === undefined && client.files.includes(file)) this.poll(client, thread, file);
  }

  #lookup(client: Client, thread: Thread, then: (node: number) => void, failed: () => void = () => {}): void {
    this.#ask(
      client,
      thread,
      'LOOKUP',
      { header: { nodeid: ROOT }, tail: 'jobserver\0' },
      (answer) => {
        if (answer.error !== 0) {
          failed();
          return;
        }
        const entry = decode('fuse_entry_out', answer.body) as { nodeid: bigint; 'attr.mode': number };
        const node = Number(entry.nodeid);
        assert.equal((entry['attr.mode'] & S_IFMT) === S_IFIFO, node >= FIRST_PIPE);
        if (node >= FIRST_PIPE) (this.#isOwn(client) ? client.nodes : client.leased).add(node);
        this.runnable.push(() => {
          if (client.alive && thread.wait === undefined) then(node);
          else failed();
        });
      },
      failed,
    );
  }

  #ask(
    client: Client,
    thread: Thread,
    opcode: Parameters<Machine['device']['ask']>[0],
    { header, body = {}, tail = '' }: Omit<Asking, 'answered'>,
    then: (answer: Answer) => void,
    failed: () => void = () => {},
  ): void {
    assert.ok(thread.wait === undefined && client.alive, 'only a thread that runs calls');
    const pending = this.#machine.device.ask(opcode, {
      header: { ...header, pid: thread.tid, uid: client.uid, gid: client.uid },
      body,
      tail,
      answered: (answer) => {
        this.#machine.moved();
        thread.wait = undefined;
        then(answer);
        this.#end(client);
      },
    });
    thread.wait = { on: 'answer', pending, reads: false, failed };
  }

  /** A process that was killed is gone when the kernel needs no answer for it any more. */
  #end(client: Client): void {
    if (!client.dying || client.ended || client.threads.some(({ wait }) => wait?.on === 'answer')) return;
    for (const file of [...client.files]) this.closeFile(client, file);
    for (const { read, write } of client.pipes.splice(0)) for (const end of new Set([read, write])) end.close();
    for (const thread of client.threads) thread.wait = undefined;
    client.held = 0;
    client.taken.clear();
    client.ended = true;
    this.onEnd(client);
    this.#machine.moved();
  }
}
