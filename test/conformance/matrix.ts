// A row of the matrix: one client in one style on one server, with everything that the checks find. Which checks make sense
// depends on what the first one finds.

import { STYLES, type Style } from '../../src/conformance/told.ts';
import {
  type Empty,
  type Ending,
  empty,
  late,
  SIGNALS,
  type Signal,
  type Subject,
  signalled,
  type Use,
  uses,
} from './checks.ts';
import type { Client } from './client.ts';
import type { Server } from './server.ts';

export interface Row {
  client: string;
  title: string;
  style: Style;
  server: string;
  use: Use;
  /** Only of a client that uses the pool, as are the following. */
  endings?: Record<Signal, Ending>;
  empty?: Empty;
  /** Milliseconds until late slots were used; null: never. */
  late?: number | null;
}

/** Runs all checks on one client. */
export async function examine(subject: Subject): Promise<Row> {
  const { client, style, server } = subject;
  const use = await uses(subject);
  const row = { client: client.name, title: client.title, style, server: server.name, use };
  if (use.verdict !== 'ok') return row;
  const endings: Partial<Record<Signal, Ending>> = {};
  for (const signal of SIGNALS) endings[signal] = await signalled(subject, signal);
  return {
    ...row,
    endings: endings as Record<Signal, Ending>,
    empty: await empty(subject),
    late: (await late(subject)) ?? null,
  };
}

/** The styles to try: what a client does with a style that it does not speak, no server changes. */
export function stylesFor(client: Client, server: Pick<Server, 'name'>): readonly Style[] {
  if (client.needsRoom && server.name === 'stint --device') return [];
  return server.name.startsWith('stint') ? STYLES.filter((style) => client.speaks[style]) : STYLES;
}
