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
import {
  planSchemaSql,
  type SchemaStatement,
} from '../../../src/postgres/schema/plan-schema-sql.js';
import { proveSchemaSql } from '../../../src/postgres/schema/prove-schema-sql.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { makeObjects, placeOn, withDatabaseOf } from '../../support/random-schema/make-schema.js';
import { randomPair, type SchemaPair } from '../../support/random-schema/random-schema.js';
import type { SchemaPlace } from '../../support/random-schema/world.js';
import { createTestRole, type TestRole, testServers } from '../../support/servers.js';
import { isKnownLimit } from './known-limits.js';

const { BELAY_PROPERTY_ROUNDS } = process.env;
const rounds = Number(BELAY_PROPERTY_ROUNDS ?? 2);
/** Objects of a schema; more of them meet each other more often, and take longer. */
const most = Number(process.env.BELAY_PROPERTY_SIZE ?? 35);
/** A few rounds are the same each time, many begin anywhere: what they find is for who asked for them. */
const seed =
  process.env.BELAY_PROPERTY_SEED ?? (BELAY_PROPERTY_ROUNDS === undefined ? '20' : undefined);
const timeLimitMs = 120_000 + rounds * 20_000;

const differencesOf = (present: SchemaModel, wanted: SchemaModel): SchemaChange[] =>
  compareSchemas(withoutColumnOrder(present), withoutColumnOrder(wanted));

const namesOf = (changes: readonly SchemaChange[]): string[] =>
  changes.map(({ object, name }) => `${object} ${name}`).sort();

/** Plans the way from one schema to another, goes it, and gives the statements. */
async function lead(
  from: Session,
  to: Session,
  wanted: SchemaModel,
): Promise<readonly SchemaStatement[]> {
  const plan = await planSchemaSql(from, to);
  const { statements, unresolved } = await proveSchemaSql(from, plan, wanted);
  const reached = await readSchemaModel(from);
  // What is said to be done is done, and what is not is said.
  expect(namesOf(unresolved)).toEqual(namesOf(differencesOf(reached, wanted)));
  expect(unresolved.filter((change) => !isKnownLimit(change))).toEqual([]);
  if (unresolved.length === 0) expect(versionChecksum(reached)).toBe(versionChecksum(wanted));
  return statements;
}

/** Runs the statements as they are given to people: in their order, in as few transactions as they allow. */
async function replay(session: Session, statements: readonly SchemaStatement[]): Promise<void> {
  const { client } = session;
  await client.query('SET check_function_bodies = off; BEGIN');
  for (const { sql, transactional, breaksBefore } of statements) {
    if (breaksBefore || !transactional) await client.query('COMMIT; BEGIN');
    try {
      if (!transactional) await client.query('COMMIT');
      await client.query(sql);
      if (!transactional) await client.query('BEGIN');
    } catch (cause) {
      throw new Error(`a proven statement fails: ${sql}`, { cause });
    }
  }
  await client.query('COMMIT');
}

/** Builds a schema from what is stored of it. */
async function build(session: Session, model: SchemaModel): Promise<void> {
  const checksum = versionChecksum(model);
  const stored = decodeStoredModel(encodeStoredModel(model), checksum, 'memory of a test');
  expect(stored).toEqual(model);
  const { differences } = await buildSchema(session, stored);
  expect(differences).toEqual([]);
  expect(versionChecksum(await readSchemaModel(session))).toBe(checksum);
}

/** There and back again: the SQL that was found on one copy does the same on another. */
async function goThereAndBack(
  [first, second, third, fourth]: readonly [Session, Session, Session, Session],
  { a, b }: SchemaPair,
  place: SchemaPlace,
): Promise<void> {
  const before = await makeObjects(first, a, place);
  const after = await makeObjects(second, b, place);
  await build(third, before);
  await build(fourth, before);
  const there = await lead(first, second, after);
  await replay(third, there);
  const reached = await readSchemaModel(first);
  expect(differencesOf(await readSchemaModel(third), reached)).toEqual([]);
  await lead(second, fourth, before);
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
    const property = fc.asyncProperty(randomPair(most), (pair) =>
      withDatabaseOf(server, (first) =>
        withDatabaseOf(server, (second) =>
          withDatabaseOf(server, (third) =>
            withDatabaseOf(server, (fourth) =>
              goThereAndBack([first, second, third, fourth], pair, place),
            ),
          ),
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
