import type { SchemaModel } from '../../../src/domain/schema-model.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../open-session.js';
import { createTestDatabase, withSession } from '../test-database.js';
import type { TestServer } from '../throwaway-server.js';
import type { ObjectSpec } from './choices.js';
import { schemaStatements } from './random-schema.js';
import type { SchemaPlace } from './world.js';

/** What random schemas may use of a server. The roles have to be there. */
export async function placeOn(server: TestServer, roles: readonly string[]): Promise<SchemaPlace> {
  const extensions = await withSession(server.adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT name FROM pg_available_extensions',
    );
    return rows.map(({ name }) => name);
  });
  return { major: server.major, extensions, roles };
}

/** Runs the statements one by one in a transaction, so that the one that fails is named. */
async function makeSchema(session: Session, statements: readonly string[]): Promise<void> {
  const { client } = session;
  await client.query('BEGIN; SET LOCAL check_function_bodies = off');
  for (const sql of statements) {
    try {
      await client.query(sql);
    } catch (cause) {
      throw new Error(`the random schema has a statement that fails: ${sql}`, { cause });
    }
  }
}

/** An open session on a database of its own, which goes when the work is done. */
export async function withDatabaseOf<T>(
  server: TestServer,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const database = await createTestDatabase(server, { name: 'random' });
  try {
    const session = await openSession(database.url);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  } finally {
    await database.drop();
  }
}

/** Makes a schema of these objects and reads what has come of it. */
export async function makeObjects(
  session: Session,
  specs: readonly ObjectSpec[],
  place: SchemaPlace,
): Promise<SchemaModel> {
  await makeSchema(session, schemaStatements(specs, place));
  await session.client.query('COMMIT');
  return readSchemaModel(session);
}

/** The model of a schema that is taken back at once. */
export async function modelOf(
  session: Session,
  statements: readonly string[],
): Promise<SchemaModel> {
  await makeSchema(session, statements);
  try {
    return await readSchemaModel(session);
  } finally {
    await session.client.query('ROLLBACK');
  }
}
