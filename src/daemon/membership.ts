// Who may take slots in system mode: whoever may open the node, by its permissions.
import type { Peer } from '../api/call.ts';
import { mayOpen, type NodeRights } from '../nodes/fuse/directory.ts';
import { groupName, userName } from '../process/groups.ts';

/** Why `peer` may not take slots at a node of root's with `mode` and group `gid`; undefined when it may. */
export function refusal(peer: Peer, node: NodeRights): string | undefined {
  if (mayOpen(peer, node)) return undefined;
  const user = userName(peer.uid);
  return (node.mode & 0o060) === 0o060
    ? `user ${user} is not in group ${groupName(node.gid)}`
    : `user ${user} may not open the node: its mode is ${node.mode.toString(8).padStart(4, '0')}`;
}
