// What somebody sees of what belongs to others: no more than /proc shows him. There the directory of a process is for its user and for
// root, and its arguments can be hidden from others. Labels are for everybody.
import { isOwn } from './call.ts';
import type { PoolEvent, Status, WithStatus } from './schema.ts';

/** The number of a user; undefined: it can be anybody. */
export type Viewer = number | undefined;

const isFor = (viewer: Viewer, uid: number): boolean => viewer !== undefined && (viewer === uid || isOwn(viewer));

/** A build, a lease, or a build of the past. */
export function seen<T extends { uid: number; cwd: string }>(one: T, viewer: Viewer): T {
  return isFor(viewer, one.uid) ? one : { ...one, cwd: '' };
}

/** What runs under `stint with` has its whole command for a label. */
export function seenWiths(withs: readonly WithStatus[], viewer: Viewer): WithStatus[] {
  return withs.map((one) => (isFor(viewer, one.uid) ? one : { ...one, label: one.label.split(' ')[0] as string }));
}

export function seenStatus(status: Status, viewer: Viewer): Status {
  const builds = status.builds.map((build) => seen(build, viewer));
  return { ...status, with: seenWiths(status.with, viewer), builds };
}

export function seenEvent(event: PoolEvent, viewer: Viewer): PoolEvent {
  return event.type === 'opened' ? { ...event, build: seen(event.build, viewer) } : event;
}
