import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { type PromoteOptions, promoteShadow } from '../../../src/features/shadow/promote.js';
import { undoPromote } from '../../../src/features/shadow/undo-promote.js';
import {
  listSnapshots,
  repairTarget,
  restoreSnapshot,
  takeSnapshot,
  undoRestore,
} from '../../../src/index.js';
import { type Bank, createBank, shadowOf } from '../../support/load-scene.js';
import { createTestRole, type TestServer, testServers } from '../../support/servers.js';
import { databasesOf, failure, rowsOf, run, withTarget } from '../../support/targets.js';

const today = () => new Date().toISOString().slice(0, 10).replaceAll('-', '');
const methods = ['scan', 'logical'] as const;

describe.each(testServers())('promoting a shadow on $name', (server: TestServer) => {
  let bank: Bank;
  afterEach(() => bank.drop());

  const promote = (options: PromoteOptions = {}) =>
    withTarget(bank.url, (target) => promoteShadow(target, { cwd: tmpdir(), ...options }));
  const change = (url = bank.url) =>
    run(
      url,
      `INSERT INTO history (id, account) VALUES ('late', 3);
       UPDATE accounts SET balance = 5 WHERE id = 1;
       DELETE FROM accounts WHERE id = 200;`,
    );

  it.each(methods)(
    'brings over what has changed, and keeps what was there (%s)',
    async (method) => {
      bank = await createBank(server, method);
      await change();
      const result = await promote();
      const old = `${bank.name}_old_${today()}`;
      expect(result).toMatchObject({
        database: bank.name,
        previous: { database: old, rows: 200 },
        verified: true,
        attempts: 1,
        rowsBroughtOver: 3,
      });
      expect(result.tables).toEqual(
        expect.arrayContaining([
          { table: 'public.accounts', upserted: 1, deleted: 1 },
          { table: 'public.history', upserted: 1, deleted: 0 },
        ]),
      );
      expect(
        await rowsOf(
          bank.url,
          'SELECT count(*)::int, sum(balance)::int, min(currency) FROM accounts',
        ),
      ).toEqual([{ count: 199, sum: 5, min: 'EUR' }]);
      expect(await databasesOf(server, bank.name)).toEqual([bank.name, old]);
      expect(
        await rowsOf(
          server.adminUrl,
          `SELECT 1 FROM pg_replication_slots WHERE starts_with(database, $1)`,
          [bank.name],
        ),
      ).toEqual([]);
      expect(
        await rowsOf(bank.url, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'belay%'`),
      ).toEqual([]);
      const { snapshots, current } = await withTarget(bank.url, listSnapshots);
      expect(snapshots.map(({ id }) => id)).toEqual([result.previous.id]);
      expect(current.undo?.id).toBe(result.previous.id);
      const { found } = await withTarget(bank.url, (target) => repairTarget(target));
      expect(found).toEqual([]);
    },
  );

  it('is taken back with what was there, and says what was written since', async () => {
    bank = await createBank(server, 'scan');
    await change();
    await promote();
    await run(
      bank.url,
      `INSERT INTO history (id, account) VALUES ('new', 4), ('newer', 5); UPDATE accounts SET balance = 9 WHERE id = 2`,
    );
    const notes: string[] = [];
    const undone = await withTarget(bank.url, (target) =>
      undoPromote(target, {
        cwd: tmpdir(),
        reporter: (event) => event.type === 'note' && notes.push(event.message),
      }),
    );
    expect(undone.writtenSince).toEqual({ inserted: 2, updated: 1, deleted: 0 });
    expect(notes.join()).toContain('2 rows were inserted, 1 updated and 0 deleted');
    expect(await rowsOf(bank.url, `SELECT id FROM history`)).toEqual([{ id: 'late' }]);
    expect(await rowsOf(bank.url, `SELECT filler FROM accounts WHERE id = 1`)).toEqual([
      { filler: '' },
    ]);
    expect(undone.previous?.fingerprint?.rowCounts['public.history']).toBe(3);
    // The promoted state was kept, and comes back as any other.
    await withTarget(bank.url, (target) => undoRestore(target, { cwd: tmpdir() }));
    expect(await rowsOf(bank.url, `SELECT count(*)::int FROM history`)).toEqual([{ count: 3 }]);
    await withTarget(bank.url, (target) => failure(undoPromote(target), 'NOTHING_TO_UNDO'));
  });

  it('has nothing to undo where no promote was the last thing', async () => {
    bank = await createBank(server, 'scan');
    await withTarget(bank.url, async (target) => {
      await failure(undoPromote(target), 'NOTHING_TO_UNDO');
      await takeSnapshot(target, { tag: 'one', cwd: tmpdir() });
      await restoreSnapshot(target, { reference: 'one', cwd: tmpdir() });
      const error = await failure(undoPromote(target), 'NOTHING_TO_UNDO');
      expect(error.message).toContain('restore');
    });
  });

  it('carries comment, limit, grants and settings over, as they are today', async () => {
    bank = await createBank(server, 'scan');
    const role = await createTestRole(server);
    try {
      const name = pg.escapeIdentifier(bank.name);
      await run(
        server.adminUrl,
        `COMMENT ON DATABASE ${name} IS 'the bank''s own'; ALTER DATABASE ${name} CONNECTION LIMIT 50;
         REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC; GRANT CREATE ON DATABASE ${name} TO ${role.name};
         ALTER DATABASE ${name} SET work_mem = '7MB'; ALTER ROLE ${role.name} IN DATABASE ${name} SET work_mem = '9MB'`,
      );
      const properties = (database: string) =>
        rowsOf(
          server.adminUrl,
          `SELECT datconnlimit, datacl::text, shobj_description(oid, 'pg_database') AS comment,
                  (SELECT array_agg(setconfig::text ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid) AS settings
             FROM pg_database d WHERE datname = $1`,
          [database],
        );
      const before = await properties(bank.name);
      await promote();
      expect(await properties(bank.name)).toEqual(before);
    } finally {
      await bank.drop();
      await role.drop();
    }
  });

  it('gives the second database of a day another name', async () => {
    bank = await createBank(server, 'scan');
    await promote();
    await shadowOf(bank.url, 'scan', 'ALTER TABLE accounts DROP COLUMN note');
    const second = await promote();
    expect(second.previous.database).toBe(`${bank.name}_old_${today()}_2`);
    const { snapshots } = await withTarget(bank.url, listSnapshots);
    expect(snapshots).toHaveLength(2);
  });

  it('hands out no value of a sequence twice', async () => {
    bank = await createBank(server, 'scan');
    await run(bank.url, `INSERT INTO numbers (history) SELECT 'x' FROM generate_series(1, 41)`);
    await run(bank.url, `SELECT nextval('numbers_number_seq')`);
    await promote();
    expect(
      await rowsOf(bank.url, `INSERT INTO numbers (history) VALUES ('y') RETURNING number::int`),
    ).toEqual([{ number: 43 }]);
  });
});
