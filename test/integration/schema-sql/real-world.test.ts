import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type SchemaModel, versionChecksum } from '../../../src/domain/schema-model.js';
import { buildSchema } from '../../../src/postgres/schema/build-schema.js';
import { planSchemaSql } from '../../../src/postgres/schema/plan-schema-sql.js';
import { proveSchemaSql } from '../../../src/postgres/schema/prove-schema-sql.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { withDatabaseOf } from '../../support/random-schema/make-schema.js';
import { testServers } from '../../support/servers.js';

/** Products whose schemas are there in an older and a newer version: see test/support/real-schemas/LICENSES.md. */
const products = ['graphile-worker', 'pagila', 'pg-boss', 'unleash'];

async function fill(session: Session, file: string): Promise<SchemaModel> {
  const folder = new URL('../../support/real-schemas/', import.meta.url);
  await session.client.query('SET search_path = public');
  await session.client.query(await readFile(new URL(`${file}.sql`, folder), 'utf8'));
  // The text leaves settings behind.
  await session.client.query('RESET ALL; SET search_path = pg_catalog; SET row_security = off');
  return readSchemaModel(session);
}

/** Goes from one schema to the other in the first database, which must then have the second's. */
async function lead(from: Session, to: Session, wanted: SchemaModel): Promise<void> {
  const { statements, unresolved } = await proveSchemaSql(
    from,
    await planSchemaSql(from, to),
    wanted,
  );
  expect(unresolved).toEqual([]);
  expect(statements.length).toBeGreaterThan(0);
  expect(versionChecksum(await readSchemaModel(from))).toBe(versionChecksum(wanted));
}

/** All of it for each of them takes long. */
const isThorough = process.env.BELAY_PROPERTY_ROUNDS !== undefined;

describe.each(testServers())('schemas of products on $name', (server) => {
  it.each(products)('builds %s from its model, and leads to its next version and back', (product) =>
    withDatabaseOf(server, (work) =>
      withDatabaseOf(server, (old) =>
        withDatabaseOf(server, async (recent) => {
          const older = await fill(old, `${product}-older`);
          const newer = await fill(recent, `${product}-newer`);
          const { differences } = await buildSchema(work, older);
          expect(differences).toEqual([]);
          expect(versionChecksum(await readSchemaModel(work))).toBe(versionChecksum(older));
          await lead(work, recent, newer);
          await lead(work, old, older);
        }),
      ),
    ),
  );

  it.each(isThorough ? products : ['pg-boss'])(
    'makes %s out of nothing, and nothing out of it',
    (product) =>
      withDatabaseOf(server, (work) =>
        withDatabaseOf(server, (full) =>
          withDatabaseOf(server, async (empty) => {
            const nothing = await readSchemaModel(empty);
            const whole = await fill(full, `${product}-newer`);
            await lead(work, full, whole);
            await lead(work, empty, nothing);
          }),
        ),
      ),
  );
});
