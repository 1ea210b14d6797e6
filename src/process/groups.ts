// Names and numbers of groups and users, as /etc/group and /etc/passwd have them. Those that come from elsewhere (LDAP, systemd-userdbd) are not known by
// name here; their number always is.
import { readFileSync } from 'node:fs';

/** The number of the group `name`; a number stands for itself. Undefined when there is none. */
export function groupId(name: string, file: string = '/etc/group'): number | undefined {
  if (/^\d{1,10}$/.test(name)) return Number(name) < 0xffffffff ? Number(name) : undefined; // (gid_t) -1 is no group
  return entries(file).find((entry) => entry.name === name)?.id;
}

/** The name of group `id`, or its number where it has none. */
export function groupName(id: number, file: string = '/etc/group'): string {
  return entries(file).find((entry) => entry.id === id)?.name ?? String(id);
}

/** The name of user `id`, or its number where it has none. */
export function userName(id: number, file: string = '/etc/passwd'): string {
  return entries(file).find((entry) => entry.id === id)?.name ?? String(id);
}

/** The number of the user `name`; a number stands for itself. Undefined when there is none. */
export const userId = (name: string, file: string = '/etc/passwd'): number | undefined => groupId(name, file);

/** The names of groups, for suggestions. */
export const groupNames = (file: string = '/etc/group'): string[] => entries(file).map(({ name }) => name);

/** The names of users. */
export const userNames = (file: string = '/etc/passwd'): string[] => groupNames(file);

function entries(file: string): { name: string; id: number }[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return []; // a container may have none
  }
  const lines = text.split('\n').map((line) => /^([^:#+-][^:]*):[^:]*:(\d+)/.exec(line));
  return lines.filter((found) => found !== null).map(([, name, id]) => ({ name: name as string, id: Number(id) }));
}
