import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/domain/history-chain.js';
import { versionChecksum } from '../../../src/domain/schema-model.js';
import { openDatabaseHistory } from '../../../src/features/history/database-history.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { sampleEntry, sampleModel } from '../../support/sample-history.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  testServers,
  withSession,
} from '../../support/servers.js';
import { historyContract } from './contract.js';

const rowsOf = (url: string, sql: string, parameters: unknown[] = []) =>
  withSession(url, async (client) => (await client.query(sql, parameters)).rows);
const run = async (url: string, sql: string): Promise<void> => {
  await rowsOf(url, sql);
};

describe.each(testServers())('a history in the database on $name', (server) => {
  let database: TestDatabase;
  let role: TestRole;
  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'history' });
    role = await createTestRole(server);
  });
  afterAll(async () => {
    await database.drop();
    await role.drop();
  });

  /** Sessions of one test, and a database without a history after it. */
  async function withSessions(
    work: (open: (url?: string) => Promise<Session>) => Promise<void>,
  ): Promise<void> {
    const sessions: Session[] = [];
    try {
      await work(async (url = database.url) => {
        const session = await openSession(url);
        sessions.push(session);
        return session;
      });
    } finally {
      await Promise.all(sessions.map((session) => session.close()));
      await run(database.url, 'DROP SCHEMA IF EXISTS belay, kept CASCADE');
    }
  }

  historyContract((work) =>
    withSessions((open) =>
      work({
        open: async () => openDatabaseHistory(await open()),
        edit: async (number, change) => {
          const sql = 'SELECT entry FROM belay.history WHERE number = $1';
          const [{ entry }] = await rowsOf(database.url, sql, [number]);
          const text = canonicalJson({ ...entry, ...change(entry) });
          await rowsOf(database.url, 'UPDATE belay.history SET entry = $2 WHERE number = $1', [
            ...[number, text],
          ]);
        },
        remove: (number) => run(database.url, `DELETE FROM belay.history WHERE number = ${number}`),
        putModel: async (checksum, bytes) => {
          const sql = 'UPDATE belay.models SET model = $2 WHERE checksum = $1';
          await rowsOf(database.url, sql, [checksum, bytes]);
        },
        readModel: async (checksum) => {
          const sql = 'SELECT model FROM belay.models WHERE checksum = $1';
          return (await rowsOf(database.url, sql, [checksum]))[0].model;
        },
      }),
    ),
  );

  it('commits and goes with the transaction of its session', () =>
    withSessions(async (open) => {
      const session = await open();
      const history = openDatabaseHistory(session);
      const broken = session.transaction(async () => {
        await session.execute('CREATE TABLE public.a ()', 'testing');
        await history.append(sampleEntry(['1']), sampleModel('1'));
        throw new Error('midway');
      });
      await expect(broken).rejects.toThrow('midway');
      expect(await history.read()).toEqual([]);
      expect(await rowsOf(database.url, `SELECT to_regclass('public.a') AS oid`)).toEqual([
        { oid: null },
      ]);
      const entries = await session.transaction(async () => [
        await history.append(sampleEntry(['1']), sampleModel('1')),
        await history.append(sampleEntry(['1', '2']), sampleModel('1', '2')),
      ]);
      expect(await openDatabaseHistory(await open()).read()).toEqual(entries);
      // By a clock that goes on within a transaction.
      expect(new Set(entries.map(({ at }) => at)).size).toBe(2);
    }));

  it('is no part of the schema that it records', () =>
    withSessions(async (open) => {
      const session = await open();
      const before = await readSchemaModel(session);
      const entry = sampleEntry(['1'], { checksum: versionChecksum(before) });
      await openDatabaseHistory(session).append(entry, before);
      const after = await readSchemaModel(session);
      expect(after).toEqual(before);
      expect(versionChecksum(after)).toBe(versionChecksum(before));
      const stored = await openDatabaseHistory(session).readModel(versionChecksum(before));
      expect(stored).toEqual(before);
    }));

  it('notices a column that no longer says what the entry says', () =>
    withSessions(async (open) => {
      const history = openDatabaseHistory(await open());
      await history.append(sampleEntry(['1']), null);
      await run(database.url, `UPDATE belay.history SET version = '7'`);
      const changed = await failure(history.read(), 'HISTORY_DAMAGED');
      expect(changed.message).toContain('entry 1');
      expect(changed.message).toContain('"version"');
      await run(database.url, 'ALTER TABLE belay.history DROP COLUMN version');
      await failure(history.read(), 'HISTORY_DAMAGED');
      await run(database.url, 'DROP TABLE belay.history');
      const { message } = await failure(history.read(), 'HISTORY_DAMAGED');
      expect(message).toBe(`a table is missing in the schema "belay" of "${database.name}"`);
    }));

  it('touches no schema of another’s, and can have another name', () =>
    withSessions(async (open) => {
      await run(database.url, 'CREATE SCHEMA belay');
      const session = await open();
      const history = openDatabaseHistory(session);
      for (const work of [() => history.read(), () => history.append(sampleEntry(['1']), null)]) {
        const { hint } = await failure(work(), 'SCHEMA_TAKEN');
        expect(hint).toContain('"history": "store"');
      }
      const kept = openDatabaseHistory(session, { schemaName: 'kept' });
      await kept.append(sampleEntry(['1']), sampleModel('1'));
      expect(await kept.read()).toHaveLength(1);
      expect((await readSchemaModel(session)).objects.map(({ name }) => name)).not.toContain(
        'kept.history',
      );
      await run(database.url, `COMMENT ON SCHEMA kept IS '{"belay":2,"kind":"history"}'`);
      await failure(kept.read(), 'NEWER_FORMAT');
    }));

  it('says which right is missing, without ending the transaction', () =>
    withSessions(async (open) => {
      const session = await open(role.urlFor(database.url));
      const history = openDatabaseHistory(session);
      await session.transaction(async () => {
        const appending = history.append(sampleEntry(['1']), null);
        const { hint } = await failure(appending, 'PERMISSION_DENIED');
        expect(hint).toContain(`GRANT CREATE ON DATABASE "${database.name}"`);
        expect(hint).toContain('"history": "store"');
        expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      });
      await openDatabaseHistory(await open()).append(sampleEntry(['1']), null);
      const denied = await failure(history.read(), 'PERMISSION_DENIED');
      expect(denied.hint).toContain('GRANT USAGE ON SCHEMA "belay" and SELECT');
      await run(
        database.url,
        `GRANT USAGE ON SCHEMA belay TO ${role.name};
         GRANT SELECT ON ALL TABLES IN SCHEMA belay TO ${role.name}`,
      );
      expect(await history.read()).toHaveLength(1);
      const appending = history.append(sampleEntry(['1', '2']), null);
      const append = await failure(appending, 'PERMISSION_DENIED');
      expect(append.hint).toContain('SELECT, INSERT');
      await run(database.url, `DROP SCHEMA belay CASCADE`);
    }));

  it('gives nothing to PUBLIC, whatever the default privileges', () =>
    withSessions(async (open) => {
      await run(
        database.url,
        `ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO PUBLIC;
         ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC`,
      );
      try {
        await openDatabaseHistory(await open()).append(sampleEntry(['1']), null);
        const right = `SELECT has_schema_privilege('${role.name}', 'belay', 'USAGE') AS schema,
                              has_table_privilege('${role.name}', 'belay.history', 'SELECT') AS history,
                              has_table_privilege('${role.name}', 'belay.models', 'SELECT') AS models`;
        expect(await rowsOf(database.url, right)).toEqual([
          { schema: false, history: false, models: false },
        ]);
      } finally {
        await run(
          database.url,
          `ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM PUBLIC;
           ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC`,
        );
      }
    }));

  it('can be asked in SQL', () =>
    withSessions(async (open) => {
      const history = openDatabaseHistory(await open());
      const entry = await history.append(sampleEntry(['1', '2']), sampleModel('1', '2'));
      const sql = `SELECT number::int, version, name, action, tool, checksum, hash,
                          entry->'actor'->>'role' AS role, at = '${entry.at}' AS same FROM belay.history`;
      const { version, name, action, tool, checksum, hash } = entry;
      expect(await rowsOf(database.url, sql)).toEqual([
        ...[{ number: 1, version, name, action, tool, checksum, hash, role: entry.actor.role }].map(
          (row) => ({ ...row, same: true }),
        ),
      ]);
    }));
});
