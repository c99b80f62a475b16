import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { BelayConfig } from '../../../src/config/config.js';
import { withoutRelations } from '../../../src/domain/own-relations.js';
import { findMigrationSource } from '../../../src/features/migration/find-source.js';
import type { ToolMigrationSource } from '../../../src/features/migration/tools/tool-source.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import {
  createTestDatabase,
  type TestDatabase,
  type TestServer,
  withSession,
} from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';

/** A project's folder and its database. */
export interface Scene {
  readonly folder: string;
  readonly url: string;
  readonly session: Session;
  /** Finds the source anew, as every command does. */
  source(config?: BelayConfig['migrations']): Promise<ToolMigrationSource>;
  write(file: string, text: string): void;
  sql(statements: string): Promise<void>;
}

/** Back to an empty database, which takes less time than another one. */
const emptySql = `DO $$
  DECLARE schema name;
  BEGIN
    FOR schema IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
      EXECUTE format('DROP SCHEMA %I CASCADE', schema);
    END LOOP;
    CREATE SCHEMA public;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
  END $$`;

type WithScene = (
  files: Readonly<Record<string, string>>,
  work: (scene: Scene) => Promise<void>,
) => Promise<void>;

/** Makes a database for the tests of a suite, and gives each a project of its own in it. */
export function useScenes(server: TestServer): WithScene {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'tool' });
  });
  afterAll(() => database?.drop());
  return async (files, work) => {
    const { url } = database;
    const folder = makeTempFolder(files);
    const session = await openSession(url);
    const sql = (statements: string) =>
      withSession(url, async (client) => {
        await client.query(statements);
      });
    try {
      await work({
        ...{ folder, url, session, sql },
        source: async (config) => {
          const source = await findMigrationSource({ cwd: folder, config, session, env: {} });
          if (!source) throw new Error('no source was found');
          return source;
        },
        write: (file, text) => {
          mkdirSync(dirname(join(folder, file)), { recursive: true });
          writeFileSync(join(folder, file), text);
        },
      });
    } finally {
      await session.close();
      await sql(emptySql);
    }
  };
}

/** "version name" of migrations. */
const names = (
  migrations: readonly { readonly version: string; readonly name: string }[] | null,
): string[] | null => migrations?.map(({ version, name }) => `${version} ${name}`.trim()) ?? null;

/** What is applied, and what is there to be applied. */
export async function stateOf(scene: Scene) {
  const source = await scene.source();
  const applied = await source.readApplied(scene.session);
  const files = await source.readFiles();
  const isApplied = new Set(applied?.map(({ version }) => version));
  return {
    applied: names(applied),
    pending: names(files.filter(({ version }) => !isApplied.has(version))),
    changed: names(
      files.filter(({ version, checksum }) =>
        applied?.some((one) => {
          const isSame = one.checksum === null || one.checksum === checksum;
          return one.version === version && !isSame;
        }),
      ),
    ),
    unfinished: names(await source.readUnfinished(scene.session)),
  };
}

/** Expects that the schema without the tool's own relations is just what the migrations made. */
export async function expectOnlyMigrated(scene: Scene, tables: readonly string[]): Promise<void> {
  const { ownRelations } = await scene.source();
  const model = await readSchemaModel(scene.session);
  const rest = withoutRelations(model, ownRelations);
  const made = rest.objects.filter(({ kind }) => kind === 'table').map(({ name }) => name);
  expect(made).toEqual(tables.map((table) => `public.${table}`));
  const others = rest.objects.filter(
    ({ kind, name }) =>
      !['schema', 'extension', 'database', 'language'].includes(kind) &&
      !tables.some((table) => name.startsWith(`public.${table}`)),
  );
  expect(others.map(({ kind, name }) => `${kind} ${name}`)).toEqual([]);
  expect(rest.objects.filter(({ kind }) => kind === 'schema').map(({ name }) => name)).toEqual([
    'public',
  ]);
  expect(model.objects.length).toBeGreaterThan(rest.objects.length);
}

/** Expects that each of these changes of the tool's table is found and named. */
export async function expectDamage(
  scene: Scene,
  changes: readonly (readonly [sql: string, message: RegExp])[],
): Promise<void> {
  for (const [sql, message] of changes) {
    await scene.session.execute('BEGIN', 'damaging a table');
    await scene.session.execute(sql, 'damaging a table');
    const source = await scene.source();
    const error = await failure(source.readApplied(scene.session), 'HISTORY_DAMAGED');
    expect(error.message).toMatch(message);
    expect(error.hint).toContain('Belay has changed nothing');
    await scene.session.execute('ROLLBACK', 'mending a table');
  }
}

/** Forgets a migration as a rollback does: in one transaction with what takes back what it made. */
export async function rollBack(scene: Scene, version: string, down: string): Promise<void> {
  const source = await scene.source();
  await scene.session.transaction(async () => {
    await scene.session.execute(down, 'taking back a migration');
    await source.forget(scene.session, [version]);
  });
}
