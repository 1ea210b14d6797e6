// The builds of the past, in a database that outlives the daemon. It is written a moment after a build has ended, by the main
// thread, and has a bound in rows and in age. A database that is bad is put aside; one that cannot be written costs the past,
// never a build: both are noted once.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { reason } from '../errors.ts';
import { Timeline } from './timeline.ts';

/** A build that is over. */
export interface PastBuild {
  /** The number that it had; a later daemon may give it again. */
  id: number;
  label: string;
  cwd: string;
  /** Name and number of its user. */
  user: string;
  uid: number;
  kind: string;
  /** When it came and when it was over, Unix time in milliseconds. */
  since: number;
  ended: number;
  /** The exit code of its root, or the name of the signal that ended it; missing: not known. */
  exit?: number | string;
  /** Slots × seconds, and the seconds in which it waited. */
  slotSeconds: number;
  waitedSeconds: number;
  /** The most slots that it had in use at once. */
  peak: number;
  /** Slots that came into its clients' hands. */
  granted: number;
  /** The most memory that its processes were seen to have together, bytes. */
  peakMemory?: number;
}

/** Which of them. */
export interface PastQuery {
  /** The newest so many; 1 or more. */
  limit: number;
  /** A part of the label. */
  label?: string | undefined;
  /** The name of the user. */
  user?: string | undefined;
  /** Only what ended at or after this, Unix time in milliseconds. */
  after?: number | undefined;
}

export interface HistoryOptions {
  /** The file. Its folder is made if need be. */
  path: string;
  note: (line: string) => void;
  /** So many builds are kept, and timelines of the newest of them. */
  maxBuilds?: number;
  maxTimelines?: number;
  /** Days that they are kept. */
  maxDays?: number;
}

const DAY = 86_400_000;
/** What is to be written waits so long for more, milliseconds. */
const GATHER = 250;
/** Raised when a stint from before that could not use the file. */
const FORMAT = 1;

const TABLES = `
  CREATE TABLE IF NOT EXISTS builds (
    n INTEGER PRIMARY KEY,
    id INTEGER NOT NULL, label TEXT NOT NULL, cwd TEXT NOT NULL, user TEXT NOT NULL, uid INTEGER NOT NULL,
    kind TEXT NOT NULL, since REAL NOT NULL, ended REAL NOT NULL,
    slotSeconds REAL NOT NULL, waitedSeconds REAL NOT NULL, peak INTEGER NOT NULL, granted INTEGER NOT NULL, peakMemory INTEGER, exit ANY
  ) STRICT;
  CREATE INDEX IF NOT EXISTS builds_ended ON builds (ended);
  CREATE TABLE IF NOT EXISTS timelines (n INTEGER PRIMARY KEY, packed BLOB NOT NULL) STRICT;
  PRAGMA user_version = ${FORMAT};`;

const COLUMNS =
  'id, label, cwd, user, uid, kind, since, ended, slotSeconds, waitedSeconds, peak, granted, peakMemory, exit';

interface Entry {
  build: PastBuild;
  timeline: Timeline | undefined;
}

export class History {
  readonly #options: Required<HistoryOptions>;
  #database: DatabaseSync | undefined;
  #waiting: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #noted = false;

  constructor(options: HistoryOptions) {
    this.#options = { maxBuilds: 10_000, maxTimelines: 500, maxDays: 90, ...options };
  }

  /** A build is over. */
  add(build: PastBuild, timeline: Timeline | undefined): void {
    this.#waiting.push({ build, timeline });
    this.#timer ??= setTimeout(() => this.flush(), GATHER).unref();
  }

  /** Writes what waits to be written. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const entries = this.#waiting.splice(0);
    if (entries.length === 0) return;
    this.#try('write', (database) => {
      database.exec('BEGIN');
      const build = database.prepare(
        `INSERT INTO builds (${COLUMNS}) VALUES (${COLUMNS.replace(/\w+/g, (name) => `:${name}`)})`,
      );
      const timeline = database.prepare('INSERT INTO timelines (n, packed) VALUES (?, ?)');
      for (const entry of entries) {
        const { lastInsertRowid } = build.run({ peakMemory: null, exit: null, ...entry.build });
        if (entry.timeline !== undefined) timeline.run(lastInsertRowid, entry.timeline.pack());
      }
      this.#prune(database, (entries.at(-1) as Entry).build.ended);
      database.exec('COMMIT');
    });
  }

  /** Builds of the past, the newest first. */
  list({ limit, label, user, after }: PastQuery): PastBuild[] {
    this.flush();
    const rows = this.#try('read', (database) =>
      database
        .prepare(
          `SELECT ${COLUMNS} FROM builds WHERE (:label IS NULL OR instr(label, :label) > 0) AND (:user IS NULL OR user = :user)
           AND (:after IS NULL OR ended >= :after) ORDER BY n DESC LIMIT :limit`,
        )
        .all({ limit, label: label ?? null, user: user ?? null, after: after ?? null }),
    );
    return (rows ?? []).map((row) => pastOf(row as Row));
  }

  /** The newest build with this number, or the one that `ended` then, and its timeline if that is kept. */
  find(id: number, ended?: number): { build: PastBuild; timeline: Timeline | undefined } | undefined {
    this.flush();
    return this.#try('read', (database) => {
      const row = database
        .prepare(
          `SELECT n, ${COLUMNS} FROM builds WHERE id = :id AND (:ended IS NULL OR ended = :ended) ORDER BY n DESC LIMIT 1`,
        )
        .get({ id, ended: ended ?? null });
      if (row === undefined) return undefined;
      const { n, ...build } = row;
      const kept = database.prepare('SELECT packed FROM timelines WHERE n = ?').get(n as number);
      const timeline = kept === undefined ? undefined : Timeline.unpack(kept.packed as Uint8Array);
      return { build: pastOf(build as Row), timeline };
    });
  }

  close(): void {
    this.flush();
    this.#database?.close();
    this.#database = undefined;
  }

  #prune(database: DatabaseSync, now: number): void {
    const { maxBuilds, maxTimelines, maxDays } = this.#options;
    database
      .prepare('DELETE FROM builds WHERE n <= (SELECT max(n) FROM builds) - ? OR ended < ?')
      .run(maxBuilds, now - maxDays * DAY);
    database
      .prepare('DELETE FROM timelines WHERE n <= (SELECT max(n) FROM builds) - ? OR n NOT IN (SELECT n FROM builds)')
      .run(maxTimelines);
  }

  #try<T>(what: string, use: (database: DatabaseSync) => T): T | undefined {
    const { path } = this.#options;
    try {
      this.#database ??= open(path, (line) => this.#note(line));
      return use(this.#database);
    } catch (error) {
      this.#note(`cannot ${what} ${path}: ${reason(error)}`);
      try {
        this.#database?.exec('ROLLBACK');
      } catch {
        // There was nothing to undo.
      }
      return undefined;
    }
  }

  #note(line: string): void {
    if (!this.#noted) this.#options.note(line);
    this.#noted = true;
  }
}

type Row = Record<string, unknown> &
  Omit<PastBuild, 'exit'> & { peakMemory: number | null; exit: number | string | null };

const pastOf = ({ peakMemory, exit, ...row }: Row): PastBuild => ({
  ...row,
  ...(peakMemory !== null && { peakMemory }),
  ...(exit !== null && { exit }),
});

/** @throws Error */
function open(path: string, note: (line: string) => void): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return opened(path);
  } catch (error) {
    if (!isBad(error)) throw error;
    const aside = `${path}.bad`;
    renameSync(path, aside);
    for (const rest of ['-wal', '-shm']) rmSync(`${path}${rest}`, { force: true });
    note(`what ${path} holds is not a history of builds: it was put aside as ${aside}`);
    return opened(path);
  }
}

/** @throws Error */
function opened(path: string): DatabaseSync {
  // Not imported: it costs a few megabytes, and whoever starts a daemon waits for it.
  const sqlite = process.getBuiltinModule('node:sqlite');
  const database = new sqlite.DatabaseSync(path, { timeout: 1000 });
  try {
    // What a crash of the machine can lose is the last builds, not the file.
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 1048576; PRAGMA cache_size = -256',
    );
    const format = database.prepare('PRAGMA user_version').get()?.user_version;
    if (format !== 0 && format !== FORMAT) throw new BadDatabase(`its format is ${format}, not ${FORMAT}`);
    database.exec(TABLES);
    addColumn(database, 'exit');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A column that an older stint did not know; one that does not know it leaves it empty. */
function addColumn(database: DatabaseSync, name: string): void {
  const found = database.prepare("SELECT 1 FROM pragma_table_info('builds') WHERE name = ?").get(name);
  if (found === undefined) database.exec(`ALTER TABLE builds ADD COLUMN ${name} ANY`);
}

class BadDatabase extends Error {}

/** Whether it is not a database of ours: SQLITE_CORRUPT, SQLITE_NOTADB, or of another format. */
function isBad(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return error instanceof BadDatabase || errcode === 11 || errcode === 26;
}
