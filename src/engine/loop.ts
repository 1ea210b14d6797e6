// The engine's one wait. It knows descriptors and who is to be called for each; what is done then is theirs.
//
// With a FUSE device there are two ways to wait. Usually an epoll waits for the device and for everything else. While
// nothing but requests comes, that costs one system call more for each; so then the loop waits in a read of the device
// itself, and whoever watches the rest (see `onQuiet`) wakes it by a request.
import { EPOLLIN, Epoll } from '../kernel/epoll.ts';
import { setNonblocking } from '../kernel/nonblock.ts';

/** Waits in a row that told of nothing but requests, before the loop waits for requests only. */
const QUIET = 64;

/** The device that requests come from. */
export interface Device {
  readonly fd: number;
  /** Receives and answers requests: all that there are, or one when the read waits. */
  requests(waits: boolean): void;
  /** The loop is about to wait for everything; it does no longer. */
  rest(): void;
  rise(): void;
  /** Whether the loop must not wait for requests only: something else is expected soon. */
  busy(): boolean;
  /** The loop is about to wait for requests only: `others` becomes readable when it has to be woken. */
  onQuiet(others: number): void;
}

export class Loop {
  /** What waits, but for the device. */
  readonly #others = new Epoll();
  /** The device and `#others`. */
  #all: Epoll | undefined;
  #device: Device | undefined;
  #quiet = 0;
  #blocking = false;
  readonly #handlers = new Map<number, () => void>();
  /** Descriptors closed since the last wait: what that wait still tells of them is not about who has their numbers now. */
  readonly #stale = new Set<number>();

  /** Calls `handler` whenever `fd` is ready for `events`. @throws SystemError */
  watch(fd: number, events: number, handler: () => void): void {
    this.#handlers.set(fd, handler);
    this.#others.add(fd, events);
  }

  unwatch(fd: number): void {
    if (!this.#handlers.delete(fd)) return;
    this.#others.remove(fd);
    this.#stale.add(fd);
  }

  /** From now on the device is waited for, too. */
  attach(device: Device): void {
    setNonblocking(device.fd, true);
    this.#device = device;
    this.#all = new Epoll();
    this.#all.add(device.fd, EPOLLIN);
    this.#all.add(this.#others.fd, EPOLLIN);
  }

  /** Whether the next wait is for requests only, without a time-out. */
  get blocking(): boolean {
    return this.#blocking;
  }

  /** Waits up to `timeout` milliseconds, or for ever when it is -1, and calls the handlers of what is ready. */
  wait(timeout: number): void {
    this.#stale.clear();
    const device = this.#device;
    if (device === undefined || this.#all === undefined) {
      this.#others.wait(timeout, this.#ready);
      return;
    }
    if (this.#blocking) {
      device.requests(true);
      if (device.busy()) this.#leave(device);
      return;
    }
    let requests = false;
    let others = false;
    device.rest();
    this.#all.wait(timeout, (fd) => {
      if (fd === device.fd) requests = true;
      else others = true;
    });
    device.rise();
    if (others) this.#others.wait(0, this.#ready); // a death is heard before what came after it
    if (requests) device.requests(false);
    this.#quiet = requests && !others && !device.busy() ? this.#quiet + 1 : 0;
    if (this.#quiet >= QUIET) this.#enter(device);
  }

  /** Waits for requests no longer than for everything else. */
  #leave(device: Device): void {
    this.#blocking = false;
    this.#quiet = 0;
    setNonblocking(device.fd, true);
  }

  #enter(device: Device): void {
    this.#blocking = true;
    device.onQuiet(this.#others.fd);
    setNonblocking(device.fd, false);
  }

  readonly #ready = (fd: number): void => {
    if (!this.#stale.has(fd)) this.#handlers.get(fd)?.();
  };

  close(): void {
    this.#all?.close();
    this.#others.close();
  }
}
