import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../src/postgres/session.js';
import { compareRows } from '../../../src/postgres/table/compare-rows.js';
import {
  joinPublicationSql,
  leavePublicationSql,
  readDefinition,
  readMemberships,
  readWholePublications,
} from '../../../src/postgres/table/definitions.js';
import { readDependents } from '../../../src/postgres/table/dependents.js';
import {
  addForeignKeySql,
  countBroken,
  countOld,
  countRecentlyBroken,
  describeBroken,
  dropForeignKeySql,
  readForeignKeys,
  validateSql,
} from '../../../src/postgres/table/foreign-keys.js';
import { readGrants } from '../../../src/postgres/table/grants.js';
import { lockAll } from '../../../src/postgres/table/lock-tables.js';
import { readOwnedObjects, readTableFacts } from '../../../src/postgres/table/read-tables.js';
import {
  keepAhead,
  readSequenceValue,
  setSequence,
} from '../../../src/postgres/table/sequences.js';
import { openSession } from '../../support/open-session.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { schemaOf } from './tables.js';

const shop = `
  CREATE TABLE orders (id serial PRIMARY KEY, a int, b text NOT NULL DEFAULT 'x', UNIQUE (a, b));
  CREATE TABLE copy (id int PRIMARY KEY, a int, b text DEFAULT 'x');
  CREATE TABLE items (id int, a int, b text, FOREIGN KEY (a, b) REFERENCES orders (a, b) MATCH FULL);
  CREATE TABLE logs (id int REFERENCES orders, at date) PARTITION BY RANGE (at);
  CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE VIEW v WITH (security_barrier) AS SELECT a FROM orders;
  CREATE MATERIALIZED VIEW m AS SELECT a FROM v UNION SELECT id FROM orders;
  CREATE VIEW on_m AS SELECT * FROM m;
  CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM orders; END;
  CREATE TABLE other (id int DEFAULT nextval('orders_id_seq'));
  CREATE RULE r AS ON INSERT TO other DO ALSO DELETE FROM orders WHERE id = NEW.id;
  CREATE POLICY p ON other USING (EXISTS (SELECT FROM orders)) WITH CHECK (id > 0);
  CREATE STATISTICS s ON a, b FROM orders;
  CREATE PUBLICATION pub FOR TABLE orders;
  GRANT SELECT ON orders TO PUBLIC;
  INSERT INTO orders (a) VALUES (1), (2), (3);
  INSERT INTO copy VALUES (1, 1), (2, 20);
  INSERT INTO items VALUES (1, 1, 'x'), (2, 3, 'x'), (3, NULL, NULL);
  INSERT INTO logs VALUES (3, '2026-02-02'), (1, '2026-03-03');
`;

/** The programs to dump with are not there for every server; the SQL has to fit all of them. */
describe.each(testServers())('what the swap asks of $name', (server) => {
  let db: TestDatabase;
  let session: Session;
  const orders = { schema: 'public', name: 'orders' };
  const copy = { schema: 'public', name: 'copy' };
  beforeAll(async () => {
    db = await createTestDatabase(server, { sql: shop });
    session = await openSession(db.url);
  });
  afterAll(async () => {
    await session.close();
    await db.drop();
  });

  it('knows what uses a table, and makes each of it again as it was', async () => {
    const [facts] = await readTableFacts(session, [orders]);
    expect(facts).toMatchObject({ kind: 'r', owned: true, key: ['id'], bound: null });
    const before = await schemaOf(db.url);
    const dependents = await readDependents(session, [facts?.oid ?? 0]);
    expect(dependents.map(({ kind, description }) => `${kind}: ${description}`)).toEqual([
      'function: function public.f()',
      'view: view public.v',
      'rule: rule r on table public.other',
      'policy: policy p on table public.other',
      'default: default value for column id of table public.other',
      'materialized view: materialized view public.m',
      'view: view public.on_m',
    ]);
    await session.transaction(async () => {
      const requests = dependents.flatMap(({ relation, relationKind, owner }) =>
        relation && relationKind
          ? [{ name: relation, kind: relationKind, owner, exclusive: true }]
          : [],
      );
      await lockAll(session, requests);
      for (const dependent of dependents) {
        if (dependent.kind === 'materialized view') continue;
        await session.execute(await readDefinition(session, dependent), 'making it again');
      }
      for (const membership of await readMemberships(session, [orders])) {
        await session.execute(leavePublicationSql(membership), 'leaving');
        await session.execute(joinPublicationSql(membership), 'joining');
      }
    });
    expect(await schemaOf(db.url)).toEqual(before);
    expect(await readWholePublications(session)).toEqual([]);
  });

  it('counts what breaks, by every column of the key and in partitions too', async () => {
    const keys = await readForeignKeys(session, 'incoming', [orders]);
    expect(keys.map(({ name }) => name)).toEqual(['items_a_b_fkey', 'logs_id_fkey']);
    const { since } = await session.queryOne<{ since: string }>(
      'SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text AS since',
    );
    const counted: unknown[] = [];
    for (const key of keys) {
      const check = { key, table: key.table, refersTo: copy };
      const { rows, recent } = await countBroken(session, check, since);
      counted.push([rows, recent, (await describeBroken(session, check, rows)).keys]);
    }
    expect(counted).toEqual([
      [1, 0, [{ key: ['3', 'x'], rows: 1 }]],
      [1, 0, [{ key: ['3'], rows: 1 }]],
    ]);
    await session.execute(
      `INSERT INTO public.logs VALUES (2, '2026-04-04'), (3, '2026-05-05')`,
      'adding',
    );
    const [, logs] = keys.map((key) => ({ key, table: key.table, refersTo: copy }));
    if (!logs) throw new Error('no foreign key');
    expect(await countRecentlyBroken(session, logs, since)).toBe(1);
    await session.execute('DELETE FROM public.copy WHERE a = 20', 'removing');
    expect(await countOld(session, copy, since)).toBe(1);
  });

  it('makes foreign keys again as they were', async () => {
    const before = await schemaOf(db.url);
    for (const key of await readForeignKeys(session, 'incoming', [orders])) {
      const mayWait = !key.ofPartitioned || session.serverVersion >= 180000;
      const again = addForeignKeySql(key, mayWait);
      for (const sql of [dropForeignKeySql(key), ...again, validateSql(key)]) {
        await session.execute(sql, 'making it again');
      }
    }
    expect(await schemaOf(db.url)).toEqual(before);
  });

  it('compares rows by key, and moves a sequence only forward', async () => {
    const [now, then] = await readTableFacts(session, [orders, copy]);
    if (!now || !then) throw new Error('no tables');
    expect(await compareRows(session, now, then)).toEqual({
      onlyNow: 2,
      onlyThen: 0,
      different: 0,
    });
    const [one, two] = ['a', 'b'].map((name) => ({ schema: 'public', name: `seq_${name}` }));
    if (!one || !two) throw new Error('no sequences');
    await session.execute('CREATE SEQUENCE public.seq_a; CREATE SEQUENCE public.seq_b', 'making');
    await setSequence(session, one, { lastValue: '5', isCalled: true });
    expect(await keepAhead(session, one, two)).toBe(false);
    expect(await readSequenceValue(session, one)).toEqual({ lastValue: '5', isCalled: true });
    expect(await keepAhead(session, two, one)).toBe(true);
    expect(await readSequenceValue(session, two)).toEqual({ lastValue: '5', isCalled: true });
    expect(
      (await readOwnedObjects(session, [orders])).map(({ kind, name }) => [kind, name]),
    ).toEqual([
      ['sequence', 'orders_id_seq'],
      ['statistics', 's'],
    ]);
    expect(await readGrants(session, ['public'])).toMatchObject([
      { name: 'orders', grantee: '', privilege: 'SELECT' },
    ]);
  });
});
