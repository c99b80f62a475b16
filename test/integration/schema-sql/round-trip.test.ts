import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareSchemas,
  versionChecksum,
  withoutColumnOrder,
} from '../../../src/domain/schema-model.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import { runProgram } from '../../../src/process/run.js';
import {
  makeObjects,
  modelOf,
  placeOn,
  withDatabaseOf,
} from '../../support/random-schema/make-schema.js';
import {
  randomPair,
  randomSchema,
  schemaStatements,
} from '../../support/random-schema/random-schema.js';
import type { SchemaPlace } from '../../support/random-schema/world.js';
import { createTestRole, type TestRole, testServers } from '../../support/servers.js';

const { BELAY_PROPERTY_ROUNDS } = process.env;
const rounds = Number(BELAY_PROPERTY_ROUNDS ?? 2);
/** A few rounds are the same each time, many begin anywhere: what they find is for who asked for them. */
const seed =
  process.env.BELAY_PROPERTY_SEED ?? (BELAY_PROPERTY_ROUNDS === undefined ? '20' : undefined);
const parameters = {
  numRuns: rounds,
  // Biased runs begin with schemas of two or three objects, which are too simple for anything to go wrong.
  unbiased: true,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

describe.each(testServers())('models of random schemas on $name', (server) => {
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

  test('differ wherever the schemas do', { timeout: 60_000 + rounds * 20_000 }, async () => {
    await withDatabaseOf(server, async (session) => {
      const property = fc.asyncProperty(randomPair(30), async ({ a, b }) => {
        const [before, after] = [schemaStatements(a, place), schemaStatements(b, place)];
        const isSaid = (sql: string) => !sql.startsWith('ALTER DEFAULT PRIVILEGES');
        const isSame = before.filter(isSaid).join() === after.filter(isSaid).join();
        const models = [await modelOf(session, before), await modelOf(session, after)] as const;
        const differ = versionChecksum(models[0]) !== versionChecksum(models[1]);
        // What is granted by default to somebody who has it anyway says nothing.
        if (!isSame) expect(differ).toBe(true);
        const changes = compareSchemas(
          withoutColumnOrder(models[0]),
          withoutColumnOrder(models[1]),
        );
        expect(changes.length > 0).toBe(differ);
      });
      await fc.assert(property, { ...parameters, numRuns: rounds * 2 });
    });
  });

  const canDump = existsSync(`${server.binDir}/pg_dump`);

  test('are the same after a dump and a restore', {
    timeout: 60_000 + rounds * 20_000,
  }, async ({ skip }) => {
    skip(!canDump, 'this server comes without pg_dump');
    const env = { PGPASSWORD: server.password, PATH: process.env.PATH };
    const target = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', '-d'];
    const property = fc.asyncProperty(randomSchema(50), (specs) =>
      withDatabaseOf(server, (source) =>
        withDatabaseOf(server, async (restored) => {
          const model = await makeObjects(source, specs, place);
          const { stdout } = await runProgram(
            `${server.binDir}/pg_dump`,
            ['-s', ...target, source.database],
            { env, mustSucceed: true },
          );
          await runProgram(
            `${server.binDir}/psql`,
            ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...target, restored.database],
            { env, mustSucceed: true, input: stdout },
          );
          expect(compareSchemas(model, await readSchemaModel(restored))).toEqual([]);
        }),
      ),
    );
    await fc.assert(property, parameters);
  });
});
