import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compareSchemas,
  type SchemaModel,
  schemaChecksum,
  versionChecksum,
} from '../../../src/domain/schema-model.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../../support/open-session.js';
import { richSchema } from '../../support/rich-schema.js';
import { facetSchema, schemaFacets } from '../../support/schema-facets.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';

describe.each(testServers())('facets of a schema on $name', (server) => {
  let database: TestDatabase;
  let session: Session;
  let base: SchemaModel;

  beforeAll(async () => {
    database = await createTestDatabase(server, { sql: `${richSchema}; ${facetSchema}` });
    session = await openSession(database.url);
    base = await readSchemaModel(session);
  });
  afterAll(async () => {
    await session?.close();
    await database?.drop();
  });

  // Each is taken back by SQL: the next one, or the last test, would find what is left of it.
  it.each(schemaFacets(server.major))('%#. $sql', async ({ sql, undo, names }) => {
    await session.execute('BEGIN', 'beginning');
    let changed = base;
    try {
      await session.execute(sql, 'changing the schema');
      changed = await readSchemaModel(session);
      await session.execute(undo, 'taking it back');
      await session.execute('COMMIT', 'keeping it');
    } finally {
      await session.execute('ROLLBACK', 'leaving it');
    }
    const found = compareSchemas(base, changed);
    expect(found.map(({ kind, object, name }) => `${kind} ${object} ${name}`).sort()).toEqual(
      [...names].sort(),
    );
    expect(versionChecksum(changed)).not.toBe(versionChecksum(base));
  });

  it('are as they were when all changes are taken back, but for the order of columns', async () => {
    const now = await readSchemaModel(session);
    expect(compareSchemas(base, now)).toEqual([]);
    expect(versionChecksum(now)).toBe(versionChecksum(base));
    expect(schemaChecksum(now)).toBe(schemaChecksum(base));
  });
});
