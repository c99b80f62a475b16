import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RecordBackup } from '../../../src/domain/record-backup.js';
import { sqlStateOf } from '../../../src/postgres/pg-error.js';
import { testServers } from '../../support/servers.js';
import { type Scene, useScene } from './scene.js';

const rounds = 4 * Number(process.env.BELAY_FAULT_ROUNDS || 1);

type Row = Record<string, number | null>;
type Tables = Map<string, Map<number, Row>>;

const names = ['p', 'c', 'd'];

const action = fc.constantFrom('CASCADE', 'SET NULL', 'SET DEFAULT');
const reference = fc
  .record({ onDelete: action, onUpdate: action, isDeferred: fc.boolean() })
  .map(({ onDelete, onUpdate, isDeferred }) =>
    [
      `ON DELETE ${onDelete} ON UPDATE ${onUpdate}`,
      isDeferred ? 'DEFERRABLE INITIALLY DEFERRED' : '',
    ].join(' '),
  );
const condition = fc.oneof(
  fc.constantFrom('true', 'id % 2 = 0', 'id % 3 = 1', 'a > 10'),
  fc.nat(20).map((n) => `id BETWEEN ${n} AND ${n + 8}`),
);
const table = fc.constantFrom(...names);
const statement = fc.oneof(
  fc.tuple(table, condition).map(([t, where]) => `DELETE FROM f.${t} WHERE id > 1 AND ${where}`),
  fc.tuple(table, condition).map(([t, where]) => `UPDATE f.${t} SET a = a * 2 WHERE ${where}`),
  fc
    .tuple(table, condition, fc.integer({ min: 100, max: 150 }))
    .map(([t, where, n]) => `UPDATE f.${t} SET id = id + ${n} WHERE id > 1 AND ${where}`),
  condition.map((where) => `UPDATE f.c SET p1 = p2, a = a + 1 WHERE ${where}`),
  fc
    .tuple(condition, condition)
    .map(
      ([one, other]) =>
        `WITH x AS (DELETE FROM f.d WHERE ${one}) UPDATE f.p SET a = a - 1 WHERE ${other}`,
    ),
);
/** Names on both sides of the one of the trigger that keeps the rows. */
const triggerName = fc.constantFrom('a_first', 'z_last');

const scenario = fc.record({
  references: fc.array(reference, { minLength: 4, maxLength: 4 }),
  isPartitioned: fc.boolean(),
  rowTrigger: fc.option(triggerName),
  statementTrigger: fc.option(triggerName),
  statements: fc.array(statement, { minLength: 1, maxLength: 4 }),
  inTransaction: fc.boolean(),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

/** Tables that foreign keys and triggers tie together, so that one statement touches a row several times. */
function createSql({ references, isPartitioned, rowTrigger, statementTrigger }: Scenario): string {
  const [one, two, three, four] = references;
  const partitions = `PARTITION BY RANGE (id); CREATE TABLE f.c1 PARTITION OF f.c FOR VALUES FROM (0) TO (15);
    CREATE TABLE f.c2 PARTITION OF f.c DEFAULT`;
  return `DROP SCHEMA IF EXISTS f CASCADE; CREATE SCHEMA f;
    CREATE TABLE f.p (id int PRIMARY KEY, a int, self int DEFAULT 0 REFERENCES f.p ${one});
    CREATE TABLE f.c (id int PRIMARY KEY, p1 int DEFAULT 0 REFERENCES f.p ${two}, p2 int DEFAULT 0 REFERENCES f.p ${three}, a int)
      ${isPartitioned ? partitions : ''};
    CREATE TABLE f.d (id int PRIMARY KEY, c int DEFAULT 1 REFERENCES f.c ${four}, a int);
    INSERT INTO f.p SELECT n, n, CASE WHEN n % 3 = 0 THEN n / 3 END FROM generate_series(0, 20) n;
    INSERT INTO f.c SELECT n, (n * 7) % 21, (n * 5 + 1) % 21, n FROM generate_series(0, 30) n;
    INSERT INTO f.d SELECT n, (n * 11) % 31, n FROM generate_series(0, 40) n;
    CREATE FUNCTION f.by_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE f.c SET a = a + 100 WHERE p1 = NEW.id; RETURN NULL; END $$;
    CREATE FUNCTION f.by_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE f.c SET a = -a WHERE id % 2 = 0; RETURN NULL; END $$;
    ${rowTrigger ? `CREATE TRIGGER ${rowTrigger} AFTER UPDATE ON f.p FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION f.by_row();` : ''}
    ${statementTrigger ? `CREATE TRIGGER ${statementTrigger} AFTER UPDATE ON f.c FOR EACH STATEMENT WHEN (pg_trigger_depth() < 2) EXECUTE FUNCTION f.by_statement();` : ''}`;
}

async function readTables(scene: Scene): Promise<Tables> {
  const tables: Tables = new Map();
  for (const name of names) {
    const rows = (await scene.rows(`SELECT * FROM f.${name} ORDER BY id`)) as Row[];
    tables.set(name, new Map(rows.map((row) => [row.id as number, row])));
  }
  return tables;
}

/** Puts the records of a backup back into rows that were read, by nothing but the promised format. */
function putBack(
  rows: Map<number, Row>,
  { kind, columns }: RecordBackup,
  records: readonly Row[],
): void {
  const changed: Row[] = [];
  for (const record of records) {
    if (kind === 'delete') {
      changed.push(
        Object.fromEntries(columns.map(({ name, before }) => [name, record[before] ?? null])),
      );
      continue;
    }
    const key = columns.find(({ isKey }) => isKey);
    const present = record[key?.after ?? key?.before ?? ''] as number;
    const row = rows.get(present);
    expect(row, `the row ${present} is there once`).toBeDefined();
    const before = columns.flatMap(({ name, before: was, after }) =>
      after !== null && record[was] !== record[after] ? [[name, record[was] ?? null] as const] : [],
    );
    changed.push({ ...(row as Row), ...Object.fromEntries(before) });
    rows.delete(present);
  }
  for (const row of changed) rows.set(row.id as number, row);
}

const sorted = (tables: Tables) =>
  names.map((name) =>
    [...(tables.get(name)?.values() ?? [])].sort((a, b) => Number(a.id) - Number(b.id)),
  );

/** A constraint that random statements break, a row that one statement would touch in ways that PostgreSQL refuses. */
const refusals = new Set(['23503', '23505', '27000', '21000']);

describe.each(testServers())('whatever statements do to rows on $name', (server) => {
  const scene = useScene(server, 'kept_random');

  it('what is kept leads back to the rows that were there', async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(scenario, async (chosen) => {
        round += 1;
        const version = `round ${round}`;
        await scene.run(createSql(chosen));
        const before = await readTables(scene);
        const { statements, inTransaction } = chosen;
        const losses = statements.map(() => names.map((name) => `UPDATE,DELETE f.${name}`));
        try {
          await scene.migrate(statements.join(';\n'), losses, { version, inTransaction });
        } catch (error) {
          if (!refusals.has(sqlStateOf(error) ?? '')) throw error;
        }
        const after = await readTables(scene);
        for (const backup of (await scene.backups(version)).reverse()) {
          const records = await scene.rows(`SELECT * FROM belay.${backup.dataTable}`);
          putBack(after.get(backup.tableName) as Map<number, Row>, backup, records as Row[]);
        }
        expect(sorted(after)).toEqual(sorted(before));
      }),
      { numRuns: rounds, endOnFailure: true },
    );
  }, 600_000);
});
