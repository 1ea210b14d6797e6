// `stint/client`: slots of the pool for a program in Node. It speaks to the daemon as docs/api.md says, starts the pool of the user
// where there is none, and depends on nothing.
export type { LeaseStatus } from '../api/schema.ts';
export { acquire, type Slot, type SlotOptions } from './acquire.ts';
export { NoDaemon, Refused } from './call.ts';
export type { Lease, LeaseEvent } from './lease.ts';
export { type LeaseOptions, lease } from './reach.ts';
export { type Ended, type RunOptions, run } from './run.ts';
