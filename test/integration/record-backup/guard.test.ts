import { describe, expect, it } from 'vitest';
import { type ApprovedLoss, lossGuard } from '../../../src/features/record-backup/guard.js';
import { runScript } from '../../../src/postgres/run-script.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { createTestRole, testServers } from '../../support/servers.js';
import { useScene } from './scene.js';

describe.each(testServers())('what was approved on $name', (server) => {
  const scene = useScene(server, 'approved');

  const guarded = async (
    sql: string,
    approved: readonly (Omit<ApprovedLoss, 'object'> | undefined)[],
    options: {
      count?: string;
      inTransaction?: boolean;
      losses?: readonly (readonly string[])[];
    } = {},
  ) => {
    const { count = 'SELECT NULL::int AS n', inTransaction = true } = options;
    const losses = await Promise.all((options.losses ?? []).map((each) => scene.losses(each)));
    const hooks = lossGuard({
      session: scene.session,
      approved: approved.map((each) => each && { ...each, object: 'public.people' }),
      losses,
      remeasure: async () => (await scene.session.queryOne<{ n: number | null }>(count)).n,
    });
    const script = { file: 'm/1_a/up.sql', line: 1, sql, inTransaction };
    return runScript(scene.session, script, { hooks });
  };

  const people = `DROP TABLE IF EXISTS people; CREATE TABLE people (id int PRIMARY KEY, v text); INSERT INTO people SELECT n, 'x' FROM generate_series(1, 1240) n`;
  const count = 'SELECT count(v)::int AS n FROM public.people';
  const there = () => scene.rows('SELECT count(v)::int AS n FROM people');

  it('stops before a statement that would take more than that, and goes on where it is less', async () => {
    await scene.run(people);
    const losses = [[], ['column people.v']];
    const sql = 'CREATE TABLE other (); ALTER TABLE people DROP v';
    const error = await failure(
      guarded(sql, [undefined, { records: 1234, rows: null }], { count, losses }),
      'LOSS_GREW',
    );
    expect(error.message).toBe(
      'the loss of public.people grew from 1,234 to 1,240 since it was approved',
    );
    expect(error.exitCode).toBe(3);
    expect(await there()).toEqual([{ n: 1240 }]);
    expect(await scene.rows(`SELECT to_regclass('other') AS found`)).toEqual([{ found: null }]);
    await guarded(sql, [undefined, { records: 1240, rows: null }], { count, losses });
    expect(
      await scene.rows(
        `SELECT attname FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 0 AND NOT attisdropped`,
      ),
    ).toEqual([{ attname: 'id' }]);
    await scene.run('DROP TABLE other');
  });

  it('counts what nobody can change any more', async () => {
    await scene.run(people);
    const writer = await openSession(scene.url);
    let waited = false;
    const hooks = lossGuard({
      ...{
        session: scene.session,
        approved: [{ records: 1240, rows: null, object: 'public.people.v' }],
      },
      losses: [await scene.losses(['column people.v'])],
      remeasure: async () => {
        const write = writer.query(
          `SET lock_timeout = '50ms'; INSERT INTO public.people VALUES (2000, 'y')`,
        );
        waited = (await failure(write, 'LOCK_TIMEOUT')) !== undefined;
        return 1240;
      },
    });
    const sql = 'ALTER TABLE people DROP v';
    await runScript(
      scene.session,
      { file: 'up.sql', line: 1, sql, inTransaction: true },
      { hooks },
    );
    await writer.close();
    expect(waited).toBe(true);
  });

  it.each([true, false])(
    'takes back a DELETE that went further (in one transaction: %s)',
    async (inTransaction) => {
      await scene.run(people);
      await failure(
        guarded('DELETE FROM people WHERE id > 5', [{ records: null, rows: 1234 }], {
          inTransaction,
        }),
        'LOSS_GREW',
      );
      expect(await there()).toEqual([{ n: 1240 }]);
      await guarded('UPDATE people SET v = NULL WHERE id > 6', [{ records: null, rows: 1234 }], {
        inTransaction,
      });
      expect(await there()).toEqual([{ n: 6 }]);
    },
  );

  it('holds for what is backed up too, where that was asked for', async () => {
    await scene.run(people);
    const sql = 'ALTER TABLE people DROP v; DELETE FROM people WHERE id > 1000';
    const losses = [['column people.v'], ['DELETE people']];
    const error = await failure(
      scene.migrate(sql, losses, { approved: [[1240], [239]] }),
      'LOSS_GREW',
    );
    expect(error.message).toBe(
      'the loss of public.people grew from 239 to 240 since it was approved',
    );
    const values = await failure(
      scene.migrate(sql, losses, { approved: [[1239], [null]] }),
      'LOSS_GREW',
    );
    expect(values.message).toContain('public.people.v grew from 1,239 to 1,240');
    expect(await there()).toEqual([{ n: 1240 }]);
    await scene.migrate(sql, losses, { approved: [[1240], [240]] });
  });
});

describe.each(testServers())('what cannot be kept on $name', (server) => {
  const scene = useScene(server, 'not_kept');

  it('is said before anything is run', async () => {
    const role = await createTestRole(server);
    const session = await openSession(role.urlFor(scene.url));
    try {
      await scene.run(`CREATE TABLE people (id int PRIMARY KEY, v text); INSERT INTO people VALUES (1, 'x');
        GRANT SELECT, DELETE ON people TO ${role.name}; GRANT CREATE ON SCHEMA public TO ${role.name}`);
      const sql = 'CREATE TABLE never (); DELETE FROM people';
      const losses = [[], ['DELETE people']];
      const schema = await failure(scene.migrate(sql, losses, { session }), 'PERMISSION_DENIED');
      expect(schema.hint).toContain('GRANT CREATE ON DATABASE');
      await scene.run(
        `DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${role.name}', current_database()); END $$`,
      );
      const trigger = await failure(scene.migrate(sql, losses, { session }), 'PERMISSION_DENIED');
      expect(trigger.message).toContain('public.people');
      expect(trigger.hint).toContain('GRANT TRIGGER ON "public"."people"');
      expect(trigger.hint).toContain('--backup files');
      expect(await scene.rows(`SELECT to_regclass('never') AS found`)).toEqual([{ found: null }]);
      await scene.run(`GRANT TRIGGER ON people TO ${role.name}`);
      expect(
        await scene.migrate('DELETE FROM people', [['DELETE people']], { session }),
      ).toMatchObject([{ rows: 1 }]);
    } finally {
      await session.close();
      await scene.run(`REASSIGN OWNED BY ${role.name} TO postgres; DROP OWNED BY ${role.name}`);
      await role.drop();
    }
  });

  it('is nothing of what others write meanwhile, whatever isolation the database has', async () => {
    await scene.run(
      `CREATE TABLE later (id int PRIMARY KEY, v text); INSERT INTO later VALUES (1, 'x')`,
    );
    await scene.run(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', current_database()); END $$`,
    );
    const session = await openSession(scene.url);
    try {
      // A statement before it would settle what the transaction sees; meanwhile somebody writes.
      const writing = { type: 'note' };
      const slow = `DO $$ BEGIN RAISE NOTICE 'now'; PERFORM pg_sleep(0.5); END $$; ALTER TABLE later DROP v`;
      const refused: Promise<unknown>[] = [];
      const kept = await scene.migrate(slow, [[], ['column later.v']], {
        session,
        reporter: (event) => {
          if (event.type !== writing.type || refused.length > 0) return;
          refused.push(
            scene
              .run(`SET lock_timeout = '100ms'; INSERT INTO later VALUES (2, 'y')`)
              .catch((error) => error),
          );
        },
      });
      expect(await refused[0]).toMatchObject({ code: '55P03' });
      expect(kept).toMatchObject([{ rows: 1 }]);
      await scene.run('ALTER TABLE later ADD v text; UPDATE later SET v = 1');
      const own = await failure(
        scene.migrate(
          'BEGIN ISOLATION LEVEL SERIALIZABLE; ALTER TABLE later DROP v; COMMIT',
          [[], ['column later.v'], []],
          {
            ...{ session, inTransaction: false },
          },
        ),
        'CANNOT_BACK_UP',
      );
      expect(own.hint).toContain('rolled back');
      const alone = await scene.migrate('ALTER TABLE later DROP v', [['column later.v']], {
        ...{ session, inTransaction: false },
      });
      expect(alone).toMatchObject([{ rows: 1 }]);
    } finally {
      await session.close();
      await scene.run(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_isolation', current_database()); END $$`,
      );
    }
  });

  it('is what partitions on another server hold', async () => {
    await scene.run(`CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
      CREATE TABLE spread (d int) PARTITION BY LIST (d); CREATE TABLE spread_1 PARTITION OF spread FOR VALUES IN (1);
      CREATE FOREIGN TABLE spread_2 PARTITION OF spread FOR VALUES IN (2) SERVER far`);
    const error = await failure(
      scene.migrate('DELETE FROM spread WHERE d = 1', [['DELETE spread']]),
      'CANNOT_BACK_UP',
    );
    expect(error.message).toContain('another server');
  });
});
