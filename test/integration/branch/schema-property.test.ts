import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../../support/open-session.js';
import { randomWorld, type WorldSpec, worldSql } from '../../support/schema-branch-world.js';
import { makeSchemaBranch, urlOf } from '../../support/schema-branches.js';
import { createTestDatabase, testServers } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

const { BELAY_PROPERTY_ROUNDS, BELAY_PROPERTY_SEED } = process.env;
const rounds = Number(BELAY_PROPERTY_ROUNDS ?? 2);
const seed = BELAY_PROPERTY_SEED ?? (BELAY_PROPERTY_ROUNDS === undefined ? '7' : undefined);

async function quoted(session: Session, name: string): Promise<string> {
  const { text } = await session.queryOne<{ text: string }>('SELECT quote_ident($1) AS text', [
    name,
  ]);
  return text;
}

/** The objects of a schema as texts in which its name is another. */
async function objectsOf(session: Session, schema: string): Promise<string[]> {
  const name = await quoted(session, schema);
  const { objects } = await readSchemaModel(session);
  return objects
    .filter((object) => object.name === name || object.name.startsWith(`${name}.`))
    .map((object) => {
      const text = `${object.kind} ${object.name}\n${object.definition}`;
      const plain = object.kind === 'schema' ? text.replace(/\ncomment: .*/s, '') : text;
      // Names in bodies are written as the author liked; in strings quotes are doubled.
      const spellings = [name, pg.escapeIdentifier(schema), schema].flatMap((one) =>
        ["''''", "''", "'"].map((quotes) => one.replaceAll("'", quotes)),
      );
      const lines = plain.split('\n').map((line) => {
        const isPath = line.includes('search_path') || line === `schema ${name}`;
        return spellings.reduce(
          (led, one) => led.replaceAll(isPath ? one : `${one}.`, isPath ? 'SCHEMA' : 'SCHEMA.'),
          line,
        );
      });
      return lines.join('\n');
    })
    .sort();
}

/** A text as it stands in JSON within JSON. */
const escapedTwice = (text: string): string =>
  [1, 2].reduce((escaped) => JSON.stringify(escaped).slice(1, -1), text);

/** Rows of every table, as texts, and values of every sequence. */
async function contentOf(session: Session, schema: string): Promise<unknown> {
  const name = await quoted(session, schema);
  const tables = await session.query<{ table: string; kind: string }>(
    `SELECT quote_ident(relname) AS table, relkind AS kind FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'm', 'S') ORDER BY 1`,
    [name],
  );
  const content: Record<string, unknown> = {};
  for (const { table, kind } of tables) {
    const sql =
      kind === 'S'
        ? `SELECT last_value, is_called FROM ${name}.${table}`
        : `SELECT to_json(t)::text AS row FROM ONLY ${name}.${table} t ORDER BY 1`;
    const rows = await session.query<object>(kind === 'm' ? sql.replace('ONLY ', '') : sql);
    const text = JSON.stringify(rows).replaceAll(escapedTwice(`${name}.`), 'SCHEMA.');
    content[table] = JSON.parse(text);
  }
  return content;
}

/** Each function's answer as somebody gets it who uses the URL. */
async function callAll(url: string, { tables }: WorldSpec): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const answers: unknown[] = [];
    for (const [index, { hasFunction }] of tables.entries()) {
      if (!hasFunction) continue;
      const { rows } = await client.query(
        `SELECT f${index}() AS f, g${index}() AS g, count(*) FROM t${index}`,
      );
      answers.push(rows[0]);
      expect(new Set(Object.values(rows[0])).size).toBe(1);
    }
    return answers;
  } finally {
    await client.end();
  }
}

describe.each(testServers())('schema branches of random schemas on $name', (server) => {
  test('have the same objects and rows, and share nothing', {
    timeout: 60_000 + rounds * 60_000,
  }, async () => {
    const property = fc.asyncProperty(randomWorld, async (world) => {
      const database = await createTestDatabase(server, { name: 'world', sql: worldSql(world) });
      try {
        await checkBranch(database.url, world);
      } finally {
        await database.drop();
      }
    });
    await fc.assert(property, {
      numRuns: rounds,
      unbiased: true,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
    });
  });
});

async function checkBranch(url: string, world: WorldSpec): Promise<void> {
  const branch = await makeSchemaBranch(url, 'x/Y', { schema: world.schema });
  const schema = branch.record.schema ?? '';
  const session = await openSession(url);
  try {
    expect(await objectsOf(session, schema)).toEqual(await objectsOf(session, world.schema));
    const before = await contentOf(session, world.schema);
    expect(await contentOf(session, schema)).toEqual(before);
    await callAll(urlOf(branch), world);
    // Writes by way of triggers and functions stay on their side.
    const change = async (at: string) => {
      const s = pg.escapeIdentifier(at);
      await run(
        url,
        `UPDATE ${s}.t0 SET "odd, Name" = 'changed'; INSERT INTO ${s}.log (what) VALUES ('x')`,
      );
    };
    await change(schema);
    expect(await contentOf(session, world.schema)).toEqual(before);
    const after = await contentOf(session, schema);
    await change(world.schema);
    await run(url, `DELETE FROM ${pg.escapeIdentifier(world.schema)}.log`);
    expect(await contentOf(session, schema)).toEqual(after);
    const logged = await rowsOf(
      url,
      `SELECT DISTINCT what FROM ${pg.escapeIdentifier(schema)}.log WHERE what <> 'x'`,
    );
    for (const { what } of logged) expect([schema]).toContain(what);
  } finally {
    await session.close();
  }
}
