// Who may take slots in system mode: whoever may open the node, by its permissions.
import type { Peer } from '../api/call.ts';
import { groupName, userName } from '../process/groups.ts';

/** Why `peer` may not take slots at a node of root's with `mode` and group `gid`; undefined when it may. */
export function refusal({ uid, gid, groups }: Peer, node: { mode: number; gid: number }): string | undefined {
  if (uid === 0 || (node.mode & 0o006) === 0o006) return undefined;
  const member = gid === node.gid || groups.includes(node.gid);
  if (member && (node.mode & 0o060) === 0o060) return undefined;
  return member || (node.mode & 0o060) !== 0o060
    ? `user ${userName(uid)} may not open the node: its mode is ${node.mode.toString(8).padStart(4, '0')}`
    : `user ${userName(uid)} is not in group ${groupName(node.gid)}`;
}
