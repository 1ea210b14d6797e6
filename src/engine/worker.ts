// The engine's thread.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Engine } from './engine.ts';
import type { Answer } from './lookups.ts';
import type { EngineOptions, ToEngine } from './messages.ts';

const { options, wakeFd, lookups } = workerData as {
  options: EngineOptions;
  wakeFd: number;
  /** System mode: the line to the thread that looks things up. */
  lookups?: MessagePort;
};
const port = parentPort as MessagePort;

const engine = new Engine(options, {
  wakeFd,
  receive: () => receiveMessageOnPort(port)?.message as ToEngine | undefined,
  send: (message) => port.postMessage(message),
  ...(lookups === undefined
    ? {}
    : { lookups: { port: lookups, receive: () => receiveMessageOnPort(lookups)?.message as Answer | undefined } }),
});
engine.run();
lookups?.close();
