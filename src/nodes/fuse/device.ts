// What is read of a character device: requests like those of a mount, which are marked as the device's and are about the file node.
import os from 'node:os';
import { reader } from '../../kernel/io.ts';
import { ID } from './directory.ts';
import { Request } from './wire.ts';

const { ENODEV, ECONNABORTED } = os.constants.errno;

/** Requests that are answered before anything else is looked at. */
const MAX_REQUESTS = 256;

/** Reads the device's requests into `request`, one with each call, as requests at the file node. `gone`: the device was taken away. */
export function receiver(fd: number, request: Request): () => 'request' | 'none' | 'gone' {
  const receive = reader(fd, request.bytes);
  return () => {
    const length = receive();
    if (length === -ENODEV || length === -ECONNABORTED) return 'gone';
    if (length <= 0 || !request.received(length)) return 'none';
    request.markOfDevice(ID.FILE);
    return 'request';
  };
}

/** Hands what waits at the device to `handle`, up to some number of requests; false: the device was taken away. */
export function deviceReader(fd: number, handle: (request: Request) => void): () => boolean {
  const request = new Request();
  const receive = receiver(fd, request);
  return () => {
    for (let i = 0; i < MAX_REQUESTS; i++) {
      const received = receive();
      if (received !== 'request') return received === 'none';
      handle(request);
    }
    return true;
  };
}
