// What whoever served before us has read of the kernel's requests and not answered, where the kernel can ask that again.
import { reader } from '../../kernel/io.ts';
import { setNonblocking } from '../../kernel/nonblock.ts';
import type { Channel } from './channel.ts';
import { receiver } from './device.ts';
import { OF_DEVICE, OP, Request } from './wire.ts';

/** What comes before requests that are asked again. */
const UNASKED: ReadonlySet<number> = new Set([OP.INTERRUPT, OP.FORGET, OP.BATCH_FORGET]);

/** All of it, oldest first, and what came first beside it; the mount's, then the character device's. */
export function askAgain(channel: Channel, { device, cuse }: { device: number; cuse?: number | undefined }): Request[] {
  const request = new Request();
  const receive = reader(device, request.bytes);
  setNonblocking(device, true);
  channel.notifyResend();
  const all = readAgain(request, () => {
    const length = receive();
    return length > 0 && (request.received(length) ? 'request' : 'broken');
  });
  if (cuse === undefined) return all;
  const receiveOfDevice = receiver(cuse, request);
  channel.notifyResend(OF_DEVICE);
  return [...all, ...readAgain(request, () => receiveOfDevice() === 'request' && 'request')];
}

function readAgain(request: Request, receive: () => 'request' | 'broken' | false): Request[] {
  const again: Request[] = [];
  const others: Request[] = [];
  // The kernel hands it out before anything new, but not in the order in which it was asked.
  for (let more = true; more; ) {
    const received = receive();
    if (received === false) break;
    if (received === 'broken') continue;
    more = request.resent || UNASKED.has(request.opcode);
    (request.resent ? again : others).push(request.copy());
  }
  return [...again.sort((a, b) => a.unique - b.unique), ...others];
}
