// inotify of the simulated machine.
import { machine } from '../machine.ts';

export const IN_ACCESS = 0x0001;
export const IN_MODIFY = 0x0002;
export const IN_CLOSE = 0x0018;
export const IN_OPEN = 0x0020;
export const IN_Q_OVERFLOW = 0x4000;

export class Inotify {
  readonly fd = machine().openWatcher();

  watch(path: string, mask: number): number {
    const fifo = machine().at(path);
    return machine().watcher(this.fd).watch(fifo, mask);
  }

  unwatch(watch: number): void {
    machine().watcher(this.fd).unwatch(watch);
  }

  read(event: (watch: number, mask: number) => void): void {
    const { events } = machine().watcher(this.fd);
    for (let next = events.shift(); next !== undefined; next = events.shift()) event(next.watch, next.mask);
  }

  close(): void {
    machine().close(this.fd);
  }
}
