// Requests whose callers may keep a pipe locked until they are answered, by splice(2) or by memory that has to be filled. It may be a
// pipe that the engine is about to look into: that waits for the lock. So these are answered before anything is done for them; and
// while the engine hangs, somebody else answers those that it has not read, or has put off.
import { constants } from 'node:fs';
import os from 'node:os';
import type { Channel } from './channel.ts';
import { FUSE_READ_LOCKOWNER, OP, type Request } from './wire.ts';

const { EINVAL, EINTR } = os.constants.errno;

/**
 * Whether a READ is not made by read(2): it fills memory that somebody has mapped, or a pipe, as splice(2) has it done at once with O_DIRECT
 * and through such memory else. There is nothing to be had that way.
 */
export function readsForOthers({ readFlags, fileFlags }: Request): boolean {
  return (readFlags & FUSE_READ_LOCKOWNER) === 0 || (fileFlags & constants.O_DIRECT) !== 0;
}

/**
 * Answers a request if its caller may keep a pipe locked, and lets go whoever wants to wait no longer. The session then says the same, and
 * nobody hears that.
 */
export function answerHolder(request: Request, channel: Channel): void {
  const { opcode, uniqueLow, uniqueHigh, size } = request;
  if (opcode === OP.WRITE) channel.written(uniqueLow, uniqueHigh, size);
  else if (opcode === OP.READ && readsForOthers(request)) channel.error(uniqueLow, uniqueHigh, EINVAL);
  else if (opcode === OP.INTERRUPT) channel.error(request.interruptedLow, request.interruptedHigh, EINTR);
}
