// Pipes without a name, and splice(2), of the simulated machine.
import { Fifo } from '../fifo.ts';
import { machine } from '../machine.ts';

export const spliceIsHeard = true;

export const moveBytes = (from: number, to: number, count: number): number => machine().move(from, to, count);

export function openPipe(): { readEnd: number; writeEnd: number } {
  const fifo = new Fifo();
  return {
    readEnd: machine().openEnd(fifo, { reads: true, writes: false }),
    writeEnd: machine().openEnd(fifo, { reads: false, writes: true }),
  };
}
