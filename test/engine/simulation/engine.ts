// The real engine on the simulated machine. It is loaded after the hooks, and so is all of it.
import './hooks.ts';
import type { EngineOptions, FromEngine } from '../../../src/engine/messages.ts';
import type { Machine } from './machine.ts';
import type { MainThread } from './main-thread.ts';

const { Engine } = await import('../../../src/engine/engine.ts');
const { newShift, Shift } = await import('../../../src/engine/relief.ts');

/** Runs an engine, after another one if there was one, until it is told to stop, or to make room: true then. */
export function run(options: EngineOptions, main: MainThread, machine: Machine): boolean {
  const { wakeFd } = main;
  const shift = new Shift(newShift());
  const send = (message: FromEngine) => {
    if (!machine.dead) main.heard(message);
  };
  const lines = { wakeFd, shift, receive: () => main.receive(), send };
  const store = { keep: machine.keep.bind(machine), drop: machine.unkeep.bind(machine) };
  return new Engine(options, lines, { store, kept: machine.hand() }).run();
}
