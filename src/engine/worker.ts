// The engine's thread.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Engine } from './engine.ts';
import type { EngineOptions, ToEngine } from './messages.ts';

const { options, wakeFd } = workerData as { options: EngineOptions; wakeFd: number };
const port = parentPort as MessagePort;

new Engine(options, {
  wakeFd,
  receive: () => receiveMessageOnPort(port)?.message as ToEngine | undefined,
  send: (message) => port.postMessage(message),
}).run();
