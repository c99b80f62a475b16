import { afterEach, describe, expect, it, vi } from 'vitest';
import { testServers } from '../../support/servers.js';
import { makeScene, type Scene } from './scene.js';

const tables = `
 CREATE TYPE mood AS ENUM ('good', 'bad', 'meh');
 CREATE TABLE c (id int PRIMARY KEY, price numeric(10,2), at timestamptz, m mood NOT NULL DEFAULT 'good', code text);
 INSERT INTO c VALUES (1, 1.55, '2020-01-01 10:00+00', 'good', '007'), (2, 2.00, 'infinity', 'bad', '7'), (3, 3.75, NULL, 'meh', 'x'), (4, 9.99, '2020-02-02', 'good', NULL), (5, 5.5, NULL, 'bad', '5');
 CREATE TABLE nk (v numeric(6,2), w text); INSERT INTO nk VALUES (1.25, 'a'), (1.25, 'a'), (1.30, 'a'), (NULL, 'b');
 CREATE TABLE kk (id text PRIMARY KEY, v text); INSERT INTO kk VALUES ('007', 'bond'), ('8', 'x');
 CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1), (2), (3);
 CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent, u text UNIQUE); INSERT INTO child VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, NULL, NULL);
 CREATE TABLE gone (id int PRIMARY KEY, p int REFERENCES parent); INSERT INTO gone VALUES (1, 1), (2, 2);
 CREATE TABLE sub (id int PRIMARY KEY, g int REFERENCES gone); INSERT INTO sub VALUES (1, 1), (2, 2);`;
const converts = `ALTER TABLE c ALTER price TYPE int, ALTER at TYPE date, ALTER m DROP DEFAULT, ALTER m TYPE text; UPDATE c SET code = 'zz' WHERE id < 4; DROP TYPE mood; ALTER TABLE nk ALTER v TYPE int; ALTER TABLE kk ALTER id TYPE int USING id::int;
 ALTER TABLE child DROP p, DROP u; DROP TABLE sub, gone;`;
const since = `UPDATE c SET price = 100 WHERE id = 1; UPDATE c SET code = 'mine' WHERE id = 2; DELETE FROM c WHERE id = 3; DELETE FROM parent WHERE id = 2; UPDATE c SET m = 'good' WHERE id = 5; INSERT INTO c VALUES (6, 6, 'today', 'meh', 'new');`;

// Each rollback is tried on copies of the schema first: on a busy machine that takes its time.
describe.each(testServers())('$name: converted and updated values that come back', (server) => {
  let scene: Scene;
  vi.setConfig({ testTimeout: 240_000 });
  const open = async () => {
    scene = await makeScene(server, { '1': tables, '2': converts });
    await scene.up();
    await scene.sql(since);
    return scene;
  };
  afterEach(() => scene.drop());

  it('where nobody has changed them since', async () => {
    const { back, table } = await open();
    const { ok, data } = await back();
    expect(ok).toBe(true);
    const listed = data?.backups.flatMap((one) =>
      one.samples.map((sample) => `${one.table}.${one.column} ${sample}`),
    );
    expect(listed).toEqual(
      expect.arrayContaining([
        'public.c.price conflict: id 1',
        'public.c.price missing: id 3',
        'public.c.code conflict: id 2',
        'public.child.p blocked: id 2',
        'public.gone.null blocked: id 2',
        'public.sub.null blocked: id 2',
      ]),
    );
    expect(await table('c', 'id, price, at::text, m, code')).toEqual([
      '(1,100.00,"2020-01-01 10:00:00+00",good,007)',
      '(2,2.00,infinity,bad,mine)',
      '(4,9.99,"2020-02-02 00:00:00+00",good,)',
      '(5,5.50,,good,5)',
      expect.stringMatching(/^\(6,6.00,.*,meh,new\)$/),
    ]);
    expect(await table('nk')).toEqual(['(,b)', '(1.25,a)', '(1.25,a)', '(1.30,a)']);
    expect(await table('kk')).toEqual(['(007,bond)', '(8,x)']);
    expect(await table('child')).toEqual(['(1,1,one)', '(2,,two)', '(3,3,three)', '(4,,)']);
    expect(await table('gone')).toEqual(['(1,1)']);
    expect(await table('sub')).toEqual(['(1,1)']);
  });

  it('everywhere, where the backup is preferred', async () => {
    const { back, table } = await open();
    const { data, plan } = await back('1', { prefer: 'backup' });
    expect(plan.issues.map(({ description }) => description)).toContain(
      'public.c: 1 values of price changed since are overwritten by the backup',
    );
    expect(data?.totals.conflicts).toBe(2);
    expect(await table('c WHERE id < 3', 'id, price, code')).toEqual([
      '(1,1.55,007)',
      '(2,2.00,7)',
    ]);
  });
});
