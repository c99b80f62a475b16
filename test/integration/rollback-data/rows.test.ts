import { afterEach, describe, expect, it, vi } from 'vitest';
import { testServers } from '../../support/servers.js';
import { makeScene, type Scene } from './scene.js';

// Each rollback is tried on copies of the schema first: on a busy machine that takes its time.
describe.each(testServers())('$name: rows that come back', (server) => {
  let scene: Scene;
  vi.setConfig({ testTimeout: 240_000 });
  afterEach(() => scene.drop());

  it('of dropped, truncated and emptied tables, in circles of foreign keys, without a trigger that fires', async () => {
    scene = await makeScene(server, {
      '1': `
 CREATE TABLE log (at text);
 CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN INSERT INTO public.log VALUES (tg_op || ' ' || tg_table_name); RETURN coalesce(new, old); END $body$;
 CREATE TABLE a (id serial PRIMARY KEY, b_id int, name text);
 CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a_id int REFERENCES a, name text);
 ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b;
 INSERT INTO a (name) SELECT 'a' || n FROM generate_series(1, 4) n;
 INSERT INTO b (a_id, name) SELECT n, 'b' || n FROM generate_series(1, 4) n;
 UPDATE a SET b_id = 5 - id;
 CREATE TABLE orders (id int PRIMARY KEY, a_id int REFERENCES a ON DELETE CASCADE, price numeric(10,2), note text, UNIQUE (note));
 INSERT INTO orders VALUES (1, 1, 1.55, 'n1'), (2, 2, 2.50, 'n2'), (3, 3, NULL, 'n3'), (4, 4, 'NaN', 'n4');
 CREATE TRIGGER t1 AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION noted();
 CREATE TRIGGER t2 BEFORE INSERT OR UPDATE ON orders FOR EACH STATEMENT EXECUTE FUNCTION noted();
 ALTER TABLE orders ENABLE ALWAYS TRIGGER t1; 
 CREATE TABLE nokey (x int, y text); INSERT INTO nokey VALUES (1, 'a'), (1, 'a'), (NULL, 'b');
 CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree, secret text);
 ALTER TABLE tree ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
 INSERT INTO tree VALUES (1, NULL, 's'), (2, 1, 't'), (3, 2, NULL);
 CREATE TABLE pt (id int, k text, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
 CREATE TABLE pt_a PARTITION OF pt FOR VALUES IN ('a'); CREATE TABLE pt_d PARTITION OF pt DEFAULT;
 INSERT INTO pt VALUES (1, 'a'), (2, 'b');`,
      '2': `UPDATE orders SET price = price * 2, note = upper(note) WHERE id <> 3; DELETE FROM orders WHERE id = 4; DELETE FROM tree; TRUNCATE nokey; DELETE FROM pt WHERE id = 1;`,
      '3': `DROP TABLE orders; TRUNCATE a, b RESTART IDENTITY;`,
      '4': 'ALTER TABLE nokey RENAME TO keyless;',
    });
    await scene.up();
    await scene.sql(
      `DELETE FROM log; INSERT INTO tree VALUES (2, NULL, 'new'); INSERT INTO keyless VALUES (9, 'z'); INSERT INTO a (name) VALUES ('again');`,
    );
    const { ok, verified, restored, data, plan } = await scene.back();
    expect({ ok, verified, restored }).toEqual({
      ...{ ok: true, verified: true, restored: { rows: 17, values: 5 } },
    });
    expect(data?.totals).toMatchObject({ conflicts: 2, missing: 0, blocked: 0 });
    expect(
      data?.backups.flatMap(({ table, samples }) => samples.map((one) => `${table} ${one}`)),
    ).toEqual(['public.a conflict: id 1', 'public.tree conflict: id 2']);
    expect(plan.notes).toEqual([]);
    const { table, rows } = scene;
    expect(await table('a')).toEqual(['(1,,again)', '(2,3,a2)', '(3,2,a3)', '(4,1,a4)']);
    expect(await table('b')).toEqual(['(1,1,b1)', '(2,2,b2)', '(3,3,b3)', '(4,4,b4)']);
    expect(await table('orders')).toEqual([
      '(1,1,1.55,n1)',
      '(2,2,2.50,n2)',
      '(3,3,,n3)',
      '(4,4,NaN,n4)',
    ]);
    expect(await table('nokey')).toEqual(['(,b)', '(1,a)', '(1,a)', '(9,z)']);
    expect(await table('tree')).toEqual(['(1,,s)', '(2,,new)', '(3,2,)']);
    expect(await table('pt', 'tableoid::regclass, *')).toEqual(['(pt_a,1,a)', '(pt_d,2,b)']);
    expect(await table('log')).toEqual([]);
    expect(await rows(`SELECT nextval('a_id_seq')::int AS n`)).toEqual([{ n: 5 }]);
    expect(await table('pg_trigger WHERE NOT tgisinternal', 'tgname, tgenabled')).toEqual([
      '(t1,A)',
      '(t2,O)',
    ]);
    expect(await table(`pg_class WHERE relname = 'tree'`, 'relforcerowsecurity')).toEqual(['(t)']);
    expect(
      await table(`pg_constraint WHERE conname IN ('a_b', 'b_a_id_fkey')`, 'condeferrable'),
    ).toEqual(['(f)', '(f)']);
  });

  it('overwrites what is there again where the backup is preferred; what is taken or has lost its parent is listed', async () => {
    scene = await makeScene(server, {
      '1': `CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2), (3);
        CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent, u text UNIQUE);
        INSERT INTO child VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, 1, 'four');
        CREATE TABLE sub (id int PRIMARY KEY, c int REFERENCES child); INSERT INTO sub VALUES (1, 1), (2, 2), (3, 3);`,
      '2': 'DROP TABLE sub; DELETE FROM child;',
    });
    await scene.up();
    await scene.sql(
      `DELETE FROM parent WHERE id = 2; INSERT INTO child VALUES (1, 3, 'mine'), (9, 1, 'three')`,
    );
    const { data, ok } = await scene.back('1', { prefer: 'backup' });
    expect(ok).toBe(true);
    expect(data?.backups).toMatchObject([
      { table: 'public.child', rows: 2, conflicts: 1, blocked: 2 },
      { table: 'public.sub', rows: 1, blocked: 2 },
    ]);
    expect(data?.backups[0]?.samples).toEqual(['conflict: id 1', 'blocked: id 2', 'blocked: id 3']);
    expect(await scene.table('child')).toEqual(['(1,1,one)', '(4,1,four)', '(9,1,three)']);
    expect(await scene.table('sub')).toEqual(['(1,1)']);
    await scene.sql('ALTER TABLE child ADD CHECK (id > 0); INSERT INTO sub VALUES (7, 9)');
  });
});
