import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareSchemas,
  type SchemaChange,
  type SchemaModel,
  versionChecksum,
  withoutColumnOrder,
} from '../../../src/domain/schema-model.js';
import { decodeStoredModel, encodeStoredModel } from '../../../src/domain/stored-model.js';
import { buildSchema } from '../../../src/postgres/schema/build-schema.js';
import { planSchemaSql } from '../../../src/postgres/schema/plan-schema-sql.js';
import { proveSchemaSql } from '../../../src/postgres/schema/prove-schema-sql.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { makeObjects, placeOn, withDatabaseOf } from '../../support/random-schema/make-schema.js';
import { randomPair } from '../../support/random-schema/random-schema.js';
import type { SchemaPlace } from '../../support/random-schema/world.js';
import { createTestRole, type TestRole, testServers } from '../../support/servers.js';
import { isKnownLimit } from './known-limits.js';

const rounds = Number(process.env.BELAY_PROPERTY_ROUNDS ?? 2);
/** Objects of a schema; more of them meet each other more often, and take longer. */
const most = Number(process.env.BELAY_PROPERTY_SIZE ?? 35);
const seed = process.env.BELAY_PROPERTY_SEED;
const timeLimitMs = 120_000 + rounds * 20_000;

/** Plans the way from one schema to another, goes it, and gives what could not be done on it. */
async function lead(from: Session, to: Session, wanted: SchemaModel): Promise<SchemaChange[]> {
  const { unresolved } = await proveSchemaSql(from, await planSchemaSql(from, to), wanted);
  const reached = await readSchemaModel(from);
  const differences = compareSchemas(withoutColumnOrder(reached), withoutColumnOrder(wanted));
  // What is said to be done is done, and what is not is said.
  expect(unresolved.map(({ object, name }) => `${object} ${name}`).sort()).toEqual(
    differences.map(({ object, name }) => `${object} ${name}`).sort(),
  );
  if (unresolved.length === 0) expect(versionChecksum(reached)).toBe(versionChecksum(wanted));
  return unresolved.filter((change) => !isKnownLimit(change));
}

describe.each(testServers())('random schemas on $name', (server) => {
  const roles: TestRole[] = [];
  let place: SchemaPlace;

  beforeAll(async () => {
    roles.push(await createTestRole(server), await createTestRole(server));
    place = await placeOn(
      server,
      roles.map(({ name }) => name),
    );
  });

  afterAll(async () => {
    for (const role of roles) await role.drop();
  });

  test('are what was stored of them, can be built from it, and lead to one another', {
    timeout: timeLimitMs + 60_000,
  }, async () => {
    const property = fc.asyncProperty(randomPair(most), ({ a, b }) =>
      withDatabaseOf(server, (first) =>
        withDatabaseOf(server, (second) =>
          withDatabaseOf(server, async (third) => {
            const before = await makeObjects(first, a, place);
            const after = await makeObjects(second, b, place);
            const where = 'memory of a test';
            const stored = decodeStoredModel(
              encodeStoredModel(before),
              versionChecksum(before),
              where,
            );
            expect(stored).toEqual(before);
            const { differences } = await buildSchema(third, stored);
            expect(differences).toEqual([]);
            expect(versionChecksum(await readSchemaModel(third))).toBe(versionChecksum(before));
            expect(await lead(first, second, after)).toEqual([]);
            expect(await lead(second, third, before)).toEqual([]);
          }),
        ),
      ),
    );
    await fc.assert(property, {
      numRuns: rounds,
      // Biased runs begin with schemas of two or three objects, which are too simple for anything to go wrong.
      unbiased: true,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      interruptAfterTimeLimit: timeLimitMs,
      markInterruptAsFailure: true,
    });
  });
});
