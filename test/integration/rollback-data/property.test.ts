import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testServers } from '../../support/servers.js';
import { literalOf, type RandomTable, randomTable, typesSql } from './random-tables.js';
import { makeScene, type Scene } from './scene.js';

const rounds = Number(process.env.BELAY_FAULT_ROUNDS || 1);
const tablesPerRound = 12;

const columnsOf = ({ types }: RandomTable): string[] => types.map((_, index) => `c${index}`);

/** Each row with its key and each value in PostgreSQL's own words. */
async function contentOf(
  { rows }: Scene,
  tables: readonly RandomTable[],
): Promise<Map<string, (string | null)[]>[]> {
  const found: Map<string, (string | null)[]>[] = [];
  for (const [index, table] of tables.entries()) {
    const list = columnsOf(table).map(
      (name) => `format('%s', ${name}) || CASE WHEN ${name} IS DISTINCT FROM NULL THEN '' END`,
    );
    const content = await rows(
      `SELECT id::text, ARRAY[${list.join(', ')}]::text[] AS values FROM t${index} ORDER BY id`,
    );
    found.push(new Map(content.map(({ id, values }) => [id, values])));
  }
  return found;
}

/** "id" is the key, or no key at all: a value like others by which the test knows the row. */
function createSql(table: RandomTable, index: number): string {
  const columns = table.types.map((type, place) => `c${place} ${type}`).join(', ');
  const rows = table.rows.map(
    (row, id) =>
      `(${[id, ...row.map((cell, place) => literalOf(table.types[place] ?? '', cell))].join(', ')})`,
  );
  return `CREATE TABLE t${index} (id int${table.hasKey ? ' PRIMARY KEY' : ''}, ${columns});
    INSERT INTO t${index} VALUES ${rows.join(', ')};`;
}

function migrationSql({ kind, types }: RandomTable, index: number): string {
  const name = `t${index}`;
  switch (kind) {
    case 'drop column':
      return `ALTER TABLE ${name} DROP c0;`;
    case 'drop table':
      return `DROP TABLE ${name};`;
    case 'convert':
      return `ALTER TABLE ${name} ALTER c0 TYPE int USING length(format('%s', c0));`;
    case 'update':
      return `UPDATE ${name} SET c0 = ${literalOf(types[0] ?? '', 1)} WHERE id % 3 > 0;`;
    case 'delete':
      return `DELETE FROM ${name} WHERE id % 2 = 0;`;
    case 'truncate':
      return `TRUNCATE ${name};`;
  }
}

/** The way back of a conversion cannot be guessed from the schemas. */
function downSql(tables: readonly RandomTable[]): string {
  return tables
    .map((table, index) => {
      const [first = '', ...others] = table.types;
      const name = `t${index}`;
      if (table.kind === 'drop column') return `ALTER TABLE ${name} ADD c0 ${first};`;
      if (table.kind === 'convert') return `ALTER TABLE ${name} ALTER c0 TYPE ${first} USING NULL;`;
      if (table.kind !== 'drop table') return '';
      const columns = [first, ...others].map((type, place) => `c${place} ${type}`).join(', ');
      return `CREATE TABLE ${name} (id int${table.hasKey ? ' PRIMARY KEY' : ''}, ${columns});`;
    })
    .join('\n');
}

const lastOf = ({ types }: RandomTable): number => types.length - 1;

/** What is written between the migration and the rollback. Without a key a changed row is another one. */
function writesSql(table: RandomTable, index: number): string {
  if (table.kind === 'drop table') return '';
  const name = `t${index}`;
  const place = lastOf(table);
  const value = literalOf(table.types[place] ?? '', 0);
  const writes = table.hasKey
    ? [
        ...table.deleted.map((id) => `DELETE FROM ${name} WHERE id = ${id};`),
        ...table.changed.map((id) => `UPDATE ${name} SET c${place} = ${value} WHERE id = ${id};`),
      ]
    : [];
  for (let n = 0; n < table.added; n += 1) {
    writes.push(`INSERT INTO ${name} (id, c${place}) VALUES (${100 + n}, ${value});`);
  }
  return writes.join('\n');
}

describe.each(testServers())('$name: random rows, migrations and writes', (server) => {
  it('come back as they were, where nobody has touched them since', {
    timeout: 300_000 * rounds,
  }, async () => {
    const property = fc.asyncProperty(
      fc.array(randomTable, { minLength: tablesPerRound, maxLength: tablesPerRound }),
      async (tables) => {
        const scene = await makeScene(server, {
          '1': [typesSql, ...tables.map(createSql)].join('\n'),
          '2': [tables.map(migrationSql).join('\n'), downSql(tables)],
        });
        try {
          await scene.up('1');
          const before = await contentOf(scene, tables);
          await scene.up();
          await scene.sql(`SELECT 1; ${tables.map(writesSql).join('\n')}`);
          const { ok } = await scene.back();
          expect(ok).toBe(true);
          const after = await contentOf(scene, tables);
          tables.forEach((table, index) => {
            expect(
              after[index],
              `${table.kind}, ${table.hasKey ? 'with' : 'without'} a key, ${table.types.join(', ')}`,
            ).toEqual(expected(table, before[index]));
          });
        } finally {
          await scene.drop();
        }
      },
    );
    await fc.assert(property, { numRuns: rounds, endOnFailure: true, unbiased: true });
  });
});

/** Worked out from the rows before, without asking Belay. */
function expected(
  table: RandomTable,
  before: Map<string, (string | null)[]> | undefined,
): Map<string, unknown> {
  const rows = new Map<string, unknown>(before);
  if (table.kind === 'drop table') return rows;
  const survives = (id: number) => {
    if (table.kind === 'truncate') return false;
    return !(table.kind === 'delete' && id % 2 === 0);
  };
  const place = lastOf(table);
  if (table.hasKey) {
    const touched = new Set(table.deleted);
    for (const id of table.changed) {
      const row = rows.get(`${id}`) as (string | null)[] | undefined;
      if (!row || !survives(id) || touched.has(id)) continue;
      rows.set(
        `${id}`,
        row.map((value, at) => (at === place ? expect.any(String) : value)),
      );
    }
    for (const id of touched) if (survives(id)) rows.delete(`${id}`);
  }
  for (let n = 0; n < table.added; n += 1) {
    const row = table.types.map((_, at) => (at === place ? expect.any(String) : null));
    rows.set(`${100 + n}`, row);
  }
  return rows;
}
