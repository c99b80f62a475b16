import type pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { applyChanges } from '../../../src/postgres/shadow/apply-changes.js';
import { quoteQualifiedName } from '../../../src/postgres/sql/tables.js';
import {
  createPair,
  type PairOptions,
  type ReplicatedPair,
  rowsOf,
} from '../../support/replicated-pair.js';
import { testServers } from '../../support/servers.js';

const writers = 3;
const transactions = 60;
const longest = 150;

/** Numbers from 0 to below `limit`, the same in every run; the order of the writers' statements is not. */
function numbersFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % limit;
  };
}

function statement(next: (limit: number) => number): string {
  const [id, other] = [next(longest), next(longest)];
  const table = next(2) === 0 ? 'items' : 'whole';
  const kinds = [
    `INSERT INTO ${table} VALUES (${id}, ${next(999)}, repeat('n${next(99)}', 3000)) ON CONFLICT DO NOTHING`,
    `INSERT INTO ${table} VALUES (${id}, ${next(999)}, NULL) ON CONFLICT (id) DO UPDATE SET n = excluded.n`,
    `UPDATE ${table} SET n = n + 1 WHERE id = ${id}`,
    `UPDATE ${table} SET n = n + 1 WHERE id BETWEEN ${id} AND ${id + 10}`,
    `UPDATE ${table} SET big = repeat('u${next(99)}', 3000) WHERE id = ${id}`,
    `UPDATE ${table} SET id = ${other} WHERE id = ${id} AND NOT EXISTS (SELECT FROM ${table} WHERE id = ${other})`,
    `UPDATE ${table} SET id = id + 1000 WHERE id BETWEEN ${id} AND ${id + 3}`,
    `UPDATE ${table} SET id = id - 1000 WHERE id BETWEEN 1000 AND 1999 AND id - 1000 NOT IN (SELECT id FROM ${table})`,
    `DELETE FROM ${table} WHERE id = ${id}`,
    `SAVEPOINT a; UPDATE ${table} SET n = -1 WHERE id = ${id}; ROLLBACK TO a`,
    `SAVEPOINT b; INSERT INTO ${table} VALUES (${id} + 2000, 0, 'kept') ON CONFLICT DO NOTHING; RELEASE b`,
  ];
  return kinds[next(kinds.length)] ?? '';
}

/** Writes until it is through; what conflicts with another writer is rolled back. */
async function write(client: pg.Client, seed: number): Promise<void> {
  const next = numbersFrom(seed);
  for (let n = 0; n < transactions; n += 1) {
    const count = 1 + next(5);
    const statements = Array.from({ length: count }, () => statement(next));
    const truncate = next(60) === 0 ? ['TRUNCATE items'] : [];
    const end = next(6) === 0 ? 'ROLLBACK' : 'COMMIT';
    try {
      await client.query(['BEGIN', ...truncate, ...statements, end].join(';'));
    } catch {
      await client.query('ROLLBACK');
    }
  }
}

const sql = `
  CREATE TABLE items (id int PRIMARY KEY, n int, big text); ALTER TABLE items ALTER big SET STORAGE EXTERNAL;
  INSERT INTO items SELECT n, n, CASE WHEN n % 3 = 0 THEN repeat('b' || n, 3000) END FROM generate_series(1, ${longest}) n;
  CREATE TABLE whole (LIKE items INCLUDING ALL); ALTER TABLE whole REPLICA IDENTITY FULL;
  INSERT INTO whole SELECT * FROM items`;

describe.each(testServers())('changes of several writers at once on $name', (server) => {
  const pairs: ReplicatedPair[] = [];
  afterEach(async () => {
    for (const pair of pairs.splice(0)) await pair.drop();
  });

  const asSyncDoes: PairOptions['apply'] = (copy, tables, { changes, truncated }) =>
    copy.transaction(async () => {
      for (const table of tables) {
        if (truncated.includes(table.table.oid)) {
          await copy.execute(`TRUNCATE ${quoteQualifiedName(table.source)}`, 'testing');
        }
        await applyChanges(copy, table, changes.get(table.table.oid) ?? []);
      }
    });

  const ways: [string, PairOptions['apply']][] = [
    ['row by row', undefined],
    ['as a sync does', asSyncDoes],
  ];

  it.each(ways)(
    'make the copy equal, %s, read in small and large portions',
    async (_how, apply) => {
      const pair = await createPair(server, { sql, ...(apply ? { apply } : {}) });
      pairs.push(pair);
      const clients = await Promise.all(Array.from({ length: writers }, () => pair.openWriter()));
      let areWriting = true;
      const work = Promise.all(clients.map((client, index) => write(client, index + 1))).finally(
        () => {
          areWriting = false;
        },
      );
      for (let pass = 0; areWriting; pass += 1) {
        await pair.sync({ maxChanges: pass % 2 === 0 ? 50 : 5000 });
      }
      await work;
      await pair.sync();
      expect(await pair.differences()).toEqual([]);
      const [seen] = await rowsOf(
        pair.copyUrl,
        'SELECT count(*)::int AS rows FROM whole WHERE n <> id',
      );
      expect(seen.rows).toBeGreaterThan(10);
    },
  );

  it.each(ways)(
    'rows that take each other’s keys keep what was not sent, %s',
    async (_how, apply) => {
      const pair = await createPair(server, {
        ...{ sql, ...(apply ? { apply } : {}) },
        migration: 'ALTER TABLE items ADD extra int; UPDATE items SET extra = id',
      });
      pairs.push(pair);
      await pair.run(`
      DO $$ BEGIN FOR i IN REVERSE 150..1 LOOP UPDATE items SET id = i + 1 WHERE id = i; END LOOP; END $$;
      UPDATE items SET big = repeat('new', 3000) WHERE id % 4 = 0;
      UPDATE items SET id = -id WHERE id IN (20, 21); UPDATE items SET id = 41 + id WHERE id < 0`);
      await pair.sync();
      expect(await pair.differences()).toEqual([]);
      if (!apply) return;
      // What only the copy has goes with its row.
      const strangers = await rowsOf(
        pair.copyUrl,
        'SELECT n FROM items WHERE n IS DISTINCT FROM extra',
      );
      expect(strangers).toEqual([]);
    },
  );
});
