// The real engine on the simulated machine. It is loaded after the hooks, and so is all of it.
import './hooks.ts';
import type { EngineOptions } from '../../../src/engine/messages.ts';
import type { MainThread } from './main-thread.ts';

const { Engine } = await import('../../../src/engine/engine.ts');
const { newShift, Shift } = await import('../../../src/engine/relief.ts');

/** Runs an engine until it is told to stop. */
export function run(options: EngineOptions, main: MainThread): void {
  const { wakeFd } = main;
  const shift = new Shift(newShift());
  new Engine(options, { wakeFd, shift, receive: () => main.receive(), send: (message) => main.heard(message) }).run();
}
