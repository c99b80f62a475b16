import { afterEach, describe, expect, it } from 'vitest';
import { failure } from '../../support/failure.js';
import { createTestRole, testServers, withSession } from '../../support/servers.js';
import {
  compareCase,
  describeTable,
  makeStateCase,
  type StateCase,
} from '../../support/state-case.js';
import { rowsOf, run } from '../../support/targets.js';

describe.each(testServers())('states before and after a migration on $name', (server) => {
  let state: StateCase | undefined;
  const make = async (setup: string, ...migration: string[]) => {
    state = await makeStateCase(server, setup, migration);
    return state;
  };
  afterEach(async () => {
    await state?.drop();
    state = undefined;
  });

  const table = `CREATE TABLE t (id int PRIMARY KEY, a text, b int);
    INSERT INTO t SELECT g, 'a' || g, g FROM generate_series(1, 20) g;`;

  it('compares large objects by their content', async () => {
    await make(
      `${table} SELECT lo_from_bytea(70001, 'gone'), lo_from_bytea(70002, repeat('x', 3000000)::bytea), lo_from_bytea(70003, '')`,
      'SELECT lo_unlink(70001)',
      `SELECT lo_put(70002, 2500000, 'y')`,
      `SELECT lo_from_bytea(70004, 'new')`,
    );
    const { tables } = await compareCase(state as StateCase);
    expect(tables).toMatchObject([
      {
        ...{ table: 'large objects', rowsBefore: 3, rowsAfter: 3 },
        ...{ rowsDeleted: 1, rowsUpdated: 1, rowsInserted: 1, valuesChanged: 1 },
        samples: [
          { change: 'deleted', key: { oid: '70001' } },
          { change: 'updated', key: { oid: '70002' } },
          { change: 'inserted', key: { oid: '70004' } },
        ],
      },
    ]);
  });

  it('shows rows of every kind, their key and what is another', async () => {
    await make(
      table,
      `UPDATE t SET a = repeat('é', 100) WHERE id = 3`,
      'UPDATE t SET b = NULL WHERE id = 4',
      'DELETE FROM t WHERE id = 7',
      'ALTER TABLE t RENAME b TO c',
      `INSERT INTO t VALUES (30, NULL, 5)`,
    );
    const { tables } = await compareCase(state as StateCase);
    expect(tables[0]?.samples).toEqual([
      {
        ...{ change: 'deleted', key: { id: '7' } },
        values: [
          { column: 'a', before: 'a7', after: null },
          { column: 'b', before: '7', after: null },
        ],
      },
      {
        ...{ change: 'updated', key: { id: '3' } },
        values: [{ column: 'a', before: 'a3', after: `${'é'.repeat(59)}…` }],
      },
      {
        ...{ change: 'updated', key: { id: '4' } },
        values: [{ column: 'b', before: '4', after: null }],
      },
      {
        ...{ change: 'inserted', key: { id: '30' } },
        values: [{ column: 'c', before: null, after: '5' }],
      },
    ]);
    const none = await compareCase(state as StateCase, { sampleLimit: 0 });
    expect(none.tables[0]?.samples).toEqual([]);
    const all = await compareCase(state as StateCase, { sampleLimit: 2 });
    expect(all.tables[0]?.samples.map(({ change }) => change)).toEqual(['deleted', 'updated']);
  });

  it('gives sequences that moved, came and went', async () => {
    await make(
      `CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO t DEFAULT VALUES;
       CREATE SEQUENCE "gone away" START 5; CREATE SEQUENCE fresh; CREATE SEQUENCE still; SELECT nextval('still');
       CREATE SEQUENCE big; SELECT setval('big', 9007199254740993)`,
      'INSERT INTO t DEFAULT VALUES',
      'BEGIN',
      'INSERT INTO t DEFAULT VALUES',
      'ROLLBACK',
      `SELECT nextval('fresh')`,
      `SELECT nextval('big')`,
      'DROP SEQUENCE "gone away"',
      'CREATE SEQUENCE made START 10 INCREMENT 5',
    );
    const { sequences } = await compareCase(state as StateCase);
    expect(sequences).toEqual([
      { sequence: 'public.big', before: '9007199254740993', after: '9007199254740994' },
      { sequence: 'public.fresh', before: '0', after: '1' },
      { sequence: 'public.gone away', before: '4', after: null },
      { sequence: 'public.made', before: null, after: '5' },
      // What was rolled back has moved it all the same.
      { sequence: 'public.t_id_seq', before: '1', after: '3' },
    ]);
  });

  it('is right where the migration has reset the statistics', async () => {
    await make(
      `${table} CREATE TABLE other (id int PRIMARY KEY, a int); INSERT INTO other VALUES (1, 1), (2, 2)`,
      'DELETE FROM t WHERE id = 1',
      'UPDATE other SET a = 9 WHERE id = 1',
      'SELECT pg_stat_reset()',
    );
    const { tables, tablesUntouched } = await compareCase(state as StateCase);
    expect(tables.map(describeTable)).toEqual([
      'other: 2 > 2, 1 updated; a: 1 changed',
      't: 20 > 19, 1 deleted',
    ]);
    expect(tablesUntouched).toBe(0);
  });

  it('leaves out foreign, temporary and Belay’s own tables, views and other databases’ schemas', async () => {
    await make(
      'CREATE SCHEMA belay; CREATE TABLE belay.own (a int); CREATE MATERIALIZED VIEW m AS SELECT 1 AS a',
      'INSERT INTO belay.own VALUES (1)',
      'CREATE TEMP TABLE t (a int)',
      'REFRESH MATERIALIZED VIEW m',
    );
    const found = await compareCase(state as StateCase);
    expect(found).toEqual({ tables: [], tablesCompared: 0, tablesUntouched: 0, sequences: [] });
  });

  it('compares also where event triggers forbid new tables', async () => {
    await make(
      `${table} CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
       CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()`,
      'UPDATE t SET a = NULL',
    );
    const { tables } = await compareCase(state as StateCase);
    expect(tables.map(describeTable)).toEqual(['t: 20 > 20, 20 updated; a: 20 lost']);
  });

  it('fails loudly where a role would see a part of the rows only', async () => {
    const { before, afterUrl, afterOid, mark } = await make(
      `${table} ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO public`,
      'DELETE FROM t WHERE id = 2',
    );
    const role = await createTestRole(server);
    try {
      const limited = {
        ...{ mark, afterOid, afterUrl: role.urlFor(afterUrl) },
        ...{ before: { ...before, url: role.urlFor(before.url) }, drop: async () => {} },
      };
      await failure(compareCase(limited), 'PERMISSION_DENIED');
    } finally {
      await role.drop();
    }
  });

  it('ends at once when it is aborted, with the reason that was given', async () => {
    const { before } = await make(table, 'DELETE FROM t WHERE id = 2');
    const controller = new AbortController();
    // The comparison waits for this lock, so that it is certainly under way.
    await withSession(before.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE t');
      const running = compareCase(state as StateCase, { signal: controller.signal });
      const ending = expect(running).rejects.toThrow('enough');
      const waiting = `SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`;
      while ((await rowsOf(server.adminUrl, waiting, [before.name])).length === 0);
      controller.abort(new Error('enough'));
      await ending;
      await client.query('ROLLBACK');
    });
  });

  it('sees rows whose places and numbers others had before', async () => {
    const { afterUrl } = await make(table, 'DELETE FROM t WHERE id <= 5', 'VACUUM t');
    await run(afterUrl, `INSERT INTO t SELECT g, 'a' || g, g FROM generate_series(1, 5) g`);
    await run(afterUrl, 'VACUUM FREEZE t');
    expect((await compareCase(state as StateCase)).tables).toEqual([]);
    await run(afterUrl, `DELETE FROM t WHERE id = 3`);
    const { tables } = await compareCase(state as StateCase, { isWhole: true });
    expect(tables.map(describeTable)).toEqual(['t: 20 > 19, 1 deleted']);
  });
});
