import { afterEach, describe, expect, it, vi } from 'vitest';
import { testServers } from '../../support/servers.js';
import { makeScene, type Scene } from './scene.js';

// Each rollback is tried on copies of the schema first: on a busy machine that takes its time.
describe.each(testServers())('$name: dropped columns that come back', (server) => {
  let scene: Scene;
  vi.setConfig({ testTimeout: 240_000 });
  const open = async (migrations: Parameters<typeof makeScene>[1]) => {
    scene = await makeScene(server, migrations);
    await scene.up();
    return scene;
  };
  afterEach(() => scene.drop());

  it('by whatever finds the rows again, and whatever their type', async () => {
    const { sql, back, rows } = await open({
      '1': `
        CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE DOMAIN code AS varchar(5) CHECK (value <> 'never');
        CREATE TABLE by_unique (a text NOT NULL, b int NOT NULL, c numeric(6,2), UNIQUE (a, b));
        INSERT INTO by_unique VALUES ('ä', 1, 1.50), ('ä', 2, NULL), ('"q"', 1, 'NaN');
        CREATE TABLE no_key (a json, b text, c mood);
        INSERT INTO no_key VALUES ('{"x":1,"x":2}', NULL, 'good'), ('{"x":1,"x":2}', NULL, 'good'), ('{}', 'b', 'bad');
        CREATE TABLE filled (id int PRIMARY KEY, c text DEFAULT 'new', d code DEFAULT 'dd', "Sum" int GENERATED ALWAYS AS (id * 2) STORED);
        INSERT INTO filled (id, c, d) VALUES (1, 'own', 'x'), (2, NULL, NULL), (3, 'new', '');
        CREATE TABLE parts (id int, at date, c text[], PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
        CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
        INSERT INTO parts VALUES (1, '2020-05-05', '{a,NULL}'), (1, '2022-05-05', '{}'), (2, '2022-05-05', NULL);
        CREATE TABLE parent (id int PRIMARY KEY, c text);
        CREATE TABLE child (more int, PRIMARY KEY (id)) INHERITS (parent);
        INSERT INTO parent VALUES (1, 'p1'); INSERT INTO child VALUES (1, 'c1', 0), (2, 'c2', 0);
        CREATE TABLE "Strange ""name""" ("order" int PRIMARY KEY, "Ä b" text NOT NULL UNIQUE);
        INSERT INTO "Strange ""name""" VALUES (1, 'one'), (2, 'two');`,
      '2': `
        ALTER TABLE by_unique DROP c;
        ALTER TABLE no_key DROP c;
        ALTER TABLE filled DROP c; ALTER TABLE filled DROP d; 
        ALTER TABLE parts DROP c;
        ALTER TABLE parent DROP c;
        ALTER TABLE "Strange ""name""" DROP "Ä b";
        DROP TYPE mood; DROP DOMAIN code;`,
    });
    await sql(`
      INSERT INTO by_unique VALUES ('new', 1); DELETE FROM by_unique WHERE a = '"q"';
      DELETE FROM no_key WHERE b = 'b'; INSERT INTO no_key VALUES ('{}', 'new');
      INSERT INTO filled VALUES (4);
      INSERT INTO parts VALUES (9, '2020-05-05');
      DELETE FROM child WHERE id = 2;
      DELETE FROM "Strange ""name""" WHERE "order" = 1`);
    const { ok, verified, data, restored } = await back();
    expect({ ok, verified, restored }).toEqual({
      ...{ ok: true, verified: true, restored: { rows: 0, values: 12 } },
    });
    expect(data?.totals).toEqual({ rows: 0, values: 12, conflicts: 0, missing: 4, blocked: 0 });
    expect(await rows(`SELECT a, b, c::text FROM by_unique ORDER BY a COLLATE "C", b`)).toEqual([
      { a: 'new', b: 1, c: null },
      { a: 'ä', b: 1, c: '1.50' },
      { a: 'ä', b: 2, c: null },
    ]);
    expect(await rows('SELECT a::text, b, c::text FROM no_key ORDER BY b NULLS FIRST')).toEqual([
      { a: '{"x":1,"x":2}', b: null, c: 'good' },
      { a: '{"x":1,"x":2}', b: null, c: 'good' },
      { a: '{}', b: 'new', c: null },
    ]);
    expect(await rows('SELECT id, c, d, "Sum" FROM filled ORDER BY id')).toEqual([
      { id: 1, c: 'own', d: 'x', Sum: 2 },
      { id: 2, c: null, d: null, Sum: 4 },
      { id: 3, c: 'new', d: '', Sum: 6 },
      { id: 4, c: 'new', d: 'dd', Sum: 8 },
    ]);
    expect(await rows('SELECT id, at::text, c::text FROM parts ORDER BY id, at')).toEqual([
      { id: 1, at: '2020-05-05', c: '{a,NULL}' },
      { id: 1, at: '2022-05-05', c: '{}' },
      { id: 2, at: '2022-05-05', c: null },
      { id: 9, at: '2020-05-05', c: null },
    ]);
    expect(
      await rows('SELECT tableoid::regclass::text AS t, id, c FROM parent ORDER BY 1, 2'),
    ).toEqual([
      { t: 'child', id: 1, c: 'c1' },
      { t: 'parent', id: 1, c: 'p1' },
    ]);
    expect(await rows('SELECT * FROM "Strange ""name"""')).toEqual([{ order: 2, 'Ä b': 'two' }]);
  });

  it('NOT NULL and unique again, by a script of the user’s too; rows without a value refuse before anything is run', async () => {
    const { sql, back, rows, refusal } = await open({
      '1': `CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, age int CHECK (age > 0));
        INSERT INTO users VALUES (1, 'a', 1), (2, 'b', NULL);`,
      '2': [
        'ALTER TABLE users DROP email; ALTER TABLE users DROP age;',
        `ALTER TABLE users ADD email text NOT NULL UNIQUE, ADD age int CHECK (age > 0);`,
      ],
      '3': 'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME id TO number;',
    });
    await sql('INSERT INTO people VALUES (3)');
    const { message, details } = await refusal('ROWS_IN_THE_WAY');
    expect(message).toContain('1 row of public.users would break NOT NULL of email');
    expect(details.violations).toMatchObject([{ kind: 'not null', rows: 1, constraint: 'email' }]);
    expect(await rows('SELECT number FROM people ORDER BY 1')).toHaveLength(3);
    const loose = await back('2');
    expect(loose.rolledBack).toEqual(['3']);
    const { ok, differences } = await back('1', { unvalidated: true });
    expect(differences).toMatchObject([{ object: 'column', name: 'public.users.email' }]);
    expect(ok).toBe(true);
    expect(await rows('SELECT * FROM users ORDER BY id')).toEqual([
      { id: 1, email: 'a', age: 1 },
      { id: 2, email: 'b', age: null },
      { id: 3, email: null, age: null },
    ]);
    await expect(sql(`INSERT INTO users VALUES (4, 'a')`)).rejects.toMatchObject({ code: '23505' });
  });

  it('while a later migration renamed the table, in one rollback', async () => {
    const { sql, back, rows } = await open({
      '1': `CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);
        INSERT INTO users VALUES (1, 'a'), (2, 'b');`,
      '2': 'ALTER TABLE users DROP email;',
      '3': 'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME id TO number;',
      '4': 'DROP TABLE people;',
    });
    const { data, verified } = await back();
    expect(data?.totals).toMatchObject({ rows: 2, values: 2, missing: 0 });
    expect(verified).toBe(true);
    expect(await rows('SELECT * FROM users ORDER BY id')).toEqual([
      { id: 1, email: 'a' },
      { id: 2, email: 'b' },
    ]);
    // Again, with what is there now.
    await sql(`UPDATE users SET email = 'new' WHERE id = 1`);
    await scene.up();
    const again = await back('1');
    expect(again.data?.backups).toHaveLength(2);
    expect(await rows('SELECT email FROM users ORDER BY id')).toEqual([
      { email: 'new' },
      { email: 'b' },
    ]);
  });
});
