// epoll of the simulated machine.
import { machine } from '../machine.ts';

export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLERR = 0x008;
export const EPOLLET = 0x8000_0000;

export class Epoll {
  readonly fd = machine().open({ kind: 'epoll', interest: new Map() });

  add(fd: number, events: number): void {
    machine().addInterest(this.fd, fd, events);
  }

  remove(fd: number): void {
    machine().removeInterest(this.fd, fd);
  }

  wait(timeout: number, ready: (fd: number, events: number) => void): number {
    const found = machine().wait(this.fd, timeout);
    for (const fd of found) ready(fd, EPOLLIN);
    return found.length;
  }

  close(): void {
    machine().close(this.fd);
  }
}
