// The engine's thread. However it ends, the mount ends with it: another thread may be waiting for an answer in there.
import { closeSync } from 'node:fs';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Engine } from './engine.ts';
import type { EngineOptions, ToEngine } from './messages.ts';
import { Shift } from './relief.ts';

const { options, wakeFd, memory } = workerData as {
  options: EngineOptions;
  wakeFd: number;
  memory: SharedArrayBuffer;
};
const shift = new Shift(memory);
const port = parentPort as MessagePort;

try {
  new Engine(options, {
    wakeFd,
    shift,
    receive: () => receiveMessageOnPort(port)?.message as ToEngine | undefined,
    send: (message) => port.postMessage(message),
  }).run();
} finally {
  shift.end();
  if (options.system !== undefined) closeSync(options.system.device);
}
