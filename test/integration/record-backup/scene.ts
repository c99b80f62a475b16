import { afterAll, beforeAll } from 'vitest';
import type { Loss } from '../../../src/domain/impact/finding.js';
import type { RecordBackup } from '../../../src/domain/record-backup.js';
import {
  type KeptSummary,
  type RecordKeeperOptions,
  recordKeeper,
} from '../../../src/features/record-backup/keep.js';
import { type RunScriptOptions, runScript } from '../../../src/postgres/run-script.js';
import type { Session } from '../../../src/postgres/session.js';
import { readRecordBackups } from '../../../src/postgres/sql/record-backups.js';
import { openSession } from '../../support/open-session.js';
import { createTestDatabase, type TestDatabase, type TestServer } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

/** "column users.email", "table users", "UPDATE users", "DELETE,UPDATE users". */
export type LossText = string;

export interface MigrateOptions extends RunScriptOptions {
  readonly version?: string;
  readonly inTransaction?: boolean;
  readonly approved?: RecordKeeperOptions['approved'];
  readonly session?: Session;
}

/** A database whose migrations keep what they take away. */
export interface Scene {
  readonly url: string;
  readonly session: Session;
  run(sql: string): Promise<void>;
  rows(sql: string, parameters?: unknown[]): Promise<Record<string, unknown>[]>;
  losses(texts: readonly LossText[]): Promise<Loss[]>;
  /** @param losses what each statement takes away */
  migrate(
    sql: string,
    losses: readonly (readonly LossText[])[],
    options?: MigrateOptions,
  ): Promise<readonly KeptSummary[]>;
  backups(version?: string): Promise<RecordBackup[]>;
  /** Rows of a backup's table, each value as text by its own column's name. */
  data(backup: RecordBackup | undefined): Promise<Record<string, string | null>[]>;
}

/** One database for the tests of a `describe`. */
export function useScene(server: TestServer, name: string, sql = ''): Scene {
  let db: TestDatabase;
  let session: Session;
  beforeAll(async () => {
    db = await createTestDatabase(server, { name, sql });
    session = await openSession(db.url);
  });
  afterAll(async () => {
    await session.close();
    await db.drop();
  });
  let versions = 0;
  const scene: Scene = {
    get url() {
      return db.url;
    },
    get session() {
      return session;
    },
    run: (text) => run(db.url, text),
    rows: (text, parameters) => rowsOf(db.url, text, parameters),
    losses: (texts) => Promise.all(texts.map((text) => toLoss(db.url, text))),
    migrate: async (text, lost, options = {}) => {
      versions += 1;
      const { version = `v${versions}`, inTransaction = true, approved, ...rest } = options;
      const own = options.session ?? session;
      const losses = await Promise.all(lost.map((each) => scene.losses(each)));
      const keeper = await recordKeeper({ session: own, version, losses, approved });
      const script = { file: 'm/1_a/up.sql', line: 1, sql: text, inTransaction };
      await runScript(own, script, { firstPauseMs: 10, ...rest, hooks: keeper.hooks });
      return keeper.kept();
    },
    backups: (version) =>
      readRecordBackups(session, version === undefined ? {} : { versions: [version] }),
    data: async (backup) => {
      if (!backup?.dataTable) throw new Error('there is no such backup');
      const columns = backup.columns.flatMap(({ name, before, after }) => [
        `${before}::text AS "${name}"`,
        ...(after ? [`${after}::text AS "${name} after"`] : []),
      ]);
      return rowsOf(
        db.url,
        `SELECT ${columns.join(', ')} FROM belay.${backup.dataTable} ORDER BY ${columns.length > 1 ? '1, 2' : '1'}`,
      ) as Promise<Record<string, string | null>[]>;
    },
  };
  return scene;
}

async function toLoss(url: string, text: LossText): Promise<Loss> {
  const [what = '', name = ''] = text.split(' ');
  if (what === 'column' || what === 'conversion') {
    const at = name.lastIndexOf('.');
    const [found] = await rowsOf(
      url,
      `SELECT attrelid::int8::float8 AS table, attnum AS column FROM pg_attribute
        WHERE attrelid = $1::regclass AND attname = $2`,
      [name.slice(0, at), name.slice(at + 1)],
    );
    return { what, table: found.table, column: found.column };
  }
  const [{ table }] = await rowsOf(url, 'SELECT $1::regclass::int8::float8 AS table', [name]);
  if (what === 'table') return { what, table };
  return { what: 'rows', table, events: what.split(',') as ('UPDATE' | 'DELETE' | 'TRUNCATE')[] };
}
