// The client matrix, run:
//   node test/conformance/run.ts [--server NAME | --path PATH --slots N] [--client NAME]... [--json | --table | --write]
// Runs every client that is here on every server that can be started here, or on the jobserver at PATH with N slots. Prints a
// line for each, the rows as JSON, or a table; --write puts the rows into that of docs/clients.md. Exits 1 when a client that
// speaks a style did not come out well.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildTracer } from '../clients/projects.ts';
import { Place } from '../helpers/pool.ts';
import { CLIENTS, type Client, lacking } from './client.ts';
import { examine, type Row, stylesFor } from './matrix.ts';
import { pathServer, type Server } from './server.ts';
import { SERVERS } from './servers.ts';
import { publish, table } from './table.ts';

const PAGE = join(import.meta.dirname, '../../docs/clients.md');

const LEAVE = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface Io {
  out(text: string): void;
  /** For what happens meanwhile. */
  err(text: string): void;
}

/** Runs what `args` ask for and returns the exit code. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: 'string' },
      path: { type: 'string' },
      slots: { type: 'string' },
      client: { type: 'string', multiple: true },
      json: { type: 'boolean' },
      table: { type: 'boolean' },
      write: { type: 'boolean' },
    },
  });
  const ends = new Ends();
  // What was started leads process groups of its own: Ctrl-C does not reach it.
  const leave = () => void ends.run().finally(() => process.exit(130));
  for (const signal of LEAVE) process.once(signal, leave);
  try {
    const rows: Row[] = [];
    for await (const row of runAll(ends, values, io)) {
      rows.push(row);
      if (values.write === true) writeFileSync(PAGE, publish(readFileSync(PAGE, 'utf8'), [row]));
      if (values.json !== true && values.table !== true) io.out(`${line(row)}\n`);
    }
    if (values.json === true) io.out(`${JSON.stringify(rows, undefined, 2)}\n`);
    if (values.table === true) io.out(`${table(rows)}\n`);
    return rows.every(isAsKnown) ? 0 : 1;
  } finally {
    await ends.run();
    for (const signal of LEAVE) process.off(signal, leave);
  }
}

interface Wanted {
  server?: string | undefined;
  path?: string | undefined;
  slots?: string | undefined;
  client?: string[] | undefined;
}

async function* runAll(ends: Ends, wanted: Wanted, io: Io): AsyncGenerator<Row> {
  const place = new Place(ends);
  const tracer = buildTracer(place.folder);
  const clients = CLIENTS.filter(({ name }) => wanted.client?.includes(name) ?? true);
  const absent = clients.filter((client) => lacking(client));
  for (const client of absent) io.err(`${client.name}: skipped: ${lacking(client)}\n`);
  for (const client of clients.filter((client) => !lacking(client))) {
    for await (const server of servers(ends, wanted, { place, io })) {
      for (const style of stylesFor(client, server)) yield await examine({ place, tracer, client, style, server });
      await server.stop();
    }
  }
}

async function* servers(ends: Ends, wanted: Wanted, { place, io }: { place: Place; io: Io }): AsyncGenerator<Server> {
  if (wanted.path !== undefined) {
    yield pathServer(wanted.path, Number(wanted.slots ?? 3));
    return;
  }
  for (const [name, kind] of Object.entries(SERVERS)) {
    if (wanted.server !== undefined && wanted.server !== name) continue;
    const lack = kind.lacking();
    const folder = join(place.folder, `server-${process.hrtime.bigint()}`);
    mkdirSync(folder);
    if (lack === false) yield await kind.start(ends, folder);
    else io.err(`${name}: skipped: ${lack}\n`);
  }
}

function line(row: Row): string {
  const lost = Object.entries(row.endings ?? {}).map(([signal, { held, lost }]) => `${signal} ${lost}/${held}`);
  const late = row.late === undefined ? [] : [`late ${row.late === null ? 'never' : `${Math.round(row.late)} ms`}`];
  const empty = row.empty === undefined ? [] : [`empty: ${row.empty.verdict}`];
  return [`${row.client} ${row.style} on ${row.server}: ${row.use.verdict}`, ...lost, ...empty, ...late].join(', ');
}

function isAsKnown({ client, style, server, use }: Row): boolean {
  const { speaks, fifoOnly = false } = CLIENTS.find(({ name }) => name === client) as Client;
  const ok = speaks[style] && !(fifoOnly && server === 'stint --device');
  return ok === (use.verdict === 'ok');
}

/** What is to be undone in the end, in the order of a test's `after`. */
class Ends {
  readonly #all: (() => Promise<void>)[] = [];

  after(done: () => Promise<void>): void {
    this.#all.push(done);
  }

  async run(): Promise<void> {
    for (const done of this.#all.splice(0)) await done();
  }
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}
