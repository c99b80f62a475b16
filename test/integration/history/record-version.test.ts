import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AppliedMigration } from '../../../src/domain/migration.js';
import { versionChecksum } from '../../../src/domain/schema-model.js';
import { openDatabaseHistory } from '../../../src/features/history/database-history.js';
import type { RecordVersionOptions } from '../../../src/features/history/record-version.js';
import { recordVersion } from '../../../src/features/history/record-version.js';
import type { SchemaHistory } from '../../../src/features/history/schema-history.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../../support/open-session.js';
import { sampleEntry } from '../../support/sample-history.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';

describe.each(testServers())('recording what is found on $name', (server) => {
  let database: TestDatabase;
  let session: Session;
  let history: SchemaHistory;
  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'record' });
    session = await openSession(database.url);
    history = openDatabaseHistory(session);
  });
  afterEach(() => change('DROP SCHEMA belay CASCADE; DROP TABLE IF EXISTS public.a, public.b'));
  afterAll(async () => {
    await session.close();
    await database.drop();
  });

  /** A tool whose record says that these versions are in force; null: it has no record. */
  const sourceOf = (versions: readonly string[] | null) => ({
    tool: 'prisma',
    readApplied: async () =>
      versions?.map(
        (version): AppliedMigration => ({
          ...{ version, name: `m${version}`, appliedAt: null, checksum: null },
          ...{ up: null, down: null },
        }),
      ) ?? null,
  });
  const record = (versions: readonly string[] | null, options?: RecordVersionOptions) =>
    recordVersion({ session, history, source: sourceOf(versions) }, options);
  const found = (options?: RecordVersionOptions) =>
    recordVersion({ session, history, source: null }, options);
  const change = (sql: string) => session.execute(sql, 'testing');
  const namesOf = (applied: readonly { readonly version: string }[]) =>
    applied.map(({ version }) => version);

  it('another tool’s migrations, each state once', async () => {
    const base = await record(null);
    expect(base).toMatchObject({ isNew: true, entry: { action: 'baseline', version: '0' } });
    await change('CREATE TABLE public.a ()');
    const git = { branch: 'main', commit: 'c'.repeat(40), dirty: false };
    const two = await record(['1', '2'], { git, snapshotId: 'k3v9x2m7qa4t', durationMs: 7 });
    expect(two).toMatchObject({
      isNew: true,
      entry: {
        ...{ number: 2, action: 'snapshot', version: '2', name: 'm2', tool: 'prisma', from: '0' },
        ...{ git, snapshotId: 'k3v9x2m7qa4t', durationMs: 7, partial: false },
      },
    });
    expect(namesOf(two.entry.applied)).toEqual(['1', '2']);
    expect(two.entry.checksum).toBe(versionChecksum(await readSchemaModel(session)));
    expect(await history.readModel(two.entry.checksum)).toEqual(two.model);
    const again = await record(['1', '2']);
    expect(again).toEqual({ ...two, isNew: false });
    // The same version with another schema, and the same schema with another version.
    await change('CREATE TABLE public.b ()');
    expect((await record(['1', '2'])).isNew).toBe(true);
    expect((await record(['1', '2', '3'])).isNew).toBe(true);
    expect((await history.read()).map(({ version }) => version)).toEqual(['0', '2', '2', '3']);
  });

  it('the schema of an entry that has none', async () => {
    const checksum = versionChecksum(await readSchemaModel(session));
    await history.append(sampleEntry(['1'], { checksum }), null);
    expect((await record(['1'])).isNew).toBe(true);
    expect(await history.keptModels()).toEqual(new Set([checksum]));
    expect((await record(['1'])).isNew).toBe(false);
  });

  it('states without migrations, as a line that can be walked', async () => {
    const first = await found();
    const firstName = `schema-${first.entry.checksum.slice(0, 8)}`;
    expect(first.entry).toMatchObject({ version: firstName, tool: 'none', action: 'snapshot' });
    await change('CREATE TABLE public.a ()');
    const named = await found({ name: 'v2' });
    expect(named.entry).toMatchObject({ version: 'v2', from: firstName });
    expect(namesOf(named.entry.applied)).toEqual([firstName, 'v2']);
    expect((await found()).isNew).toBe(false);
    await change('DROP TABLE public.a');
    const back = await found();
    expect(back).toMatchObject({ isNew: true, entry: { version: firstName, from: 'v2' } });
    expect(namesOf(back.entry.applied)).toEqual([firstName]);
  });

  it('a schema that was changed beside Belay’s own migrations, which stay in force', async () => {
    const model = await readSchemaModel(session);
    const checksum = versionChecksum(model);
    await history.append(sampleEntry(['1', '2'], { checksum }), model);
    expect(await found()).toMatchObject({ isNew: false, entry: { version: '2' } });
    await change('CREATE TABLE public.a ()');
    const named = await found({ name: 'hotfix' });
    expect(named.entry).toMatchObject({ version: 'hotfix', tool: 'none', from: '2' });
    expect(namesOf(named.entry.applied)).toEqual(['1', '2', 'hotfix']);
    await change('DROP TABLE public.a');
    const back = await found();
    expect(back.entry).toMatchObject({ version: '2', name: 'm2', tool: 'belay', from: 'hotfix' });
    expect(namesOf(back.entry.applied)).toEqual(['1', '2']);
  });

  it('a schema that was there under other migrations as one that is new', async () => {
    const model = await readSchemaModel(session);
    const checksum = versionChecksum(model);
    await history.append(sampleEntry(['1'], { checksum }), model);
    await history.append(sampleEntry(['1', '2']), null);
    const { entry } = await found();
    expect(namesOf(entry.applied)).toEqual(['1', '2', `schema-${checksum.slice(0, 8)}`]);
  });
});
