// What `stint doctor` says, as data and as text.
import type { Facts, Pool, Tool } from './facts.ts';
import { count, type Finding, SEVERITIES } from './finding.ts';

/** `stint doctor --json`, as docs/json-output.md writes it down. */
export interface Report {
  /** The version of this command. */
  version: string;
  /** The process that was looked at; missing: the environment of the command itself. */
  pid?: number;
  pools: {
    mode: 'system' | 'user';
    dir: string;
    state: Pool['state'];
    version?: string;
    pid?: number;
    capacity?: number;
  }[];
  tools: { name: string; path: string; version?: string; takes?: NonNullable<Tool['takes']>; node?: Tool['node'] }[];
  /** Errors first. */
  findings: (Finding & { severity: 'error' | 'warning' })[];
}

export function reportOf({ version, machine, own, target, tools }: Facts, findings: readonly Finding[]): Report {
  const withSeverity = findings.map(({ id, ...rest }) => ({ id, severity: SEVERITIES[id], ...rest }));
  return {
    version,
    ...(target.pid !== undefined && { pid: target.pid }),
    pools: [machine, own].map(({ place, state, status }) => ({
      mode: place.system ? 'system' : 'user',
      dir: place.dir,
      state,
      ...(status !== undefined && {
        version: status.daemon.version,
        pid: status.daemon.pid,
        capacity: status.capacity,
      }),
    })),
    tools: tools.map((tool) => ({
      name: tool.name,
      path: tool.path,
      ...(tool.version !== undefined && { version: tool.version.join('.') }),
      ...(tool.takes !== undefined && { takes: tool.takes }),
      ...(tool.node !== undefined && { node: tool.node }),
    })),
    findings: [...Map.groupBy(withSeverity, ({ severity }) => severity)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, some]) => some),
  };
}

export function text({ pools, tools, findings }: Report): string {
  const blocks = [
    ...pools.filter(({ state }) => state === 'serves').map(poolLine),
    ...tools.map(toolLine),
    ...findings.map(findingLines),
    findings.length === 0
      ? 'nothing found\n'
      : `${count(findings.length, 'finding')}; docs/troubleshooting.md explains each by its name\n`,
  ];
  return printable(blocks.join(''));
}

function poolLine({ mode, dir, capacity = 0, version, pid }: Report['pools'][number]): string {
  const whose = mode === 'system' ? 'the machine' : 'this user';
  return `pool of ${whose}: ${count(capacity, 'slot')} at ${dir} (stint ${version}, process ${pid})\n`;
}

const TAKES = {
  path: 'takes a path',
  descriptors: 'takes descriptors only, which stint run gives it',
  nothing: 'takes no jobserver by a path',
} as const;

function toolLine({ name, path, version, takes, node }: Report['tools'][number]): string {
  const how = takes === undefined ? 'tells no version' : TAKES[takes];
  const shown = node === undefined ? '' : `, is shown a ${node === 'split' ? 'split pipe' : node}`;
  return `${[name, version].filter((word) => word !== undefined).join(' ')} (${path}): ${how}${shown}\n`;
}

const findingLines = ({ severity, on, what, hint, id }: Report['findings'][number]): string =>
  `${severity}: ${on}: ${what} (${id})\nhint: ${hint}\n`;

/** Names and values are what others chose: they may command no terminal. */
const printable = (lines: string): string => lines.replace(/(?!\n)\p{Cc}/gu, '?');
