import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Count, ExpectedStatement, ImpactCase } from './impact-case.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  withSession,
} from './test-database.js';
import type { TestServer } from './throwaway-server.js';

/** The fixture database of the impact suite, and the role that it names. */
export interface ImpactFixture {
  readonly database: TestDatabase;
  readonly role: TestRole;
  /** Puts the role's name where a case names it. */
  named(sql: string): string;
  drop(): Promise<void>;
}

const fixtureFile = new URL('../integration/impact-suite/fixture.sql', import.meta.url);

export async function createImpactFixture(server: TestServer): Promise<ImpactFixture> {
  const role = await createTestRole(server);
  const named = (sql: string) => sql.replaceAll('{role}', role.name);
  const database = await createTestDatabase(server, { name: 'impact' });
  const drop = async () => {
    await database.drop();
    await role.drop();
  };
  try {
    const sql = named(await readFile(fixtureFile, 'utf8'));
    await withSession(database.url, (client) => client.query(sql));
  } catch (error) {
    await drop();
    throw error;
  }
  return { database, role, named, drop };
}

/** A copy of a database to which nobody is connected. */
export async function copyDatabase(server: TestServer, from: string): Promise<TestDatabase> {
  const copy = await createTestDatabase(server, { name: 'impact_copy' });
  const [name, template] = [copy.name, from].map((one) => pg.escapeIdentifier(one));
  await withSession(server.adminUrl, async (client) => {
    await client.query(`DROP DATABASE ${name}`);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  return copy;
}

/** The number that a count means in a database; null stays null. */
export async function numberOf(client: pg.Client, count: Count): Promise<number | null> {
  if (typeof count !== 'string') return count;
  const { rows } = await client.query({ text: count, rowMode: 'array' });
  return Number(rows[0]?.[0]);
}

/** What a statement loses by all of its impacts. */
export async function totalOf(
  client: pg.Client,
  { total, impacts = [] }: ExpectedStatement,
): Promise<number | null> {
  if (total !== undefined) return numberOf(client, total);
  let sum = 0;
  for (const { records = 0 } of impacts) {
    const number = await numberOf(client, records);
    if (number === null) return null;
    sum += number;
  }
  return sum;
}

/** Whether a statement is expected to fail: null where nobody can know. */
export function failureOf({ fails, impacts = [] }: ExpectedStatement): boolean | null {
  if (fails !== undefined) return fails;
  const all = impacts.map((impact) => impact.fails ?? false);
  if (impacts.some((impact) => impact.fails === true)) return true;
  return all.length > 0 && impacts.some((impact) => impact.fails === null) ? null : false;
}

export const runsOn = ({ minMajor = 0 }: ImpactCase, { major }: TestServer): boolean =>
  major >= minMajor;
