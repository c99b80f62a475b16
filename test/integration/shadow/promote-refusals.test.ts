import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { type PromoteOptions, promoteShadow } from '../../../src/features/shadow/promote.js';
import { type Bank, bankMigration, createBank } from '../../support/load-scene.js';
import { loadSql } from '../../support/load-writers.js';
import { type TestServer, testServers, withDatabase, withSession } from '../../support/servers.js';
import { databasesOf, failure, rowsOf, run, withTarget } from '../../support/targets.js';

const _today = () => new Date().toISOString().slice(0, 10).replaceAll('-', '');
const _methods = ['scan', 'logical'] as const;

describe.each(testServers())('what a promote refuses and mends on $name', (server: TestServer) => {
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

  it('refuses rows that lack what the migration did, with their number, until they are accepted', async () => {
    bank = await createBank(
      server,
      'scan',
      loadSql,
      `ALTER TABLE accounts ADD COLUMN level text; UPDATE accounts SET level = 'gold'`,
    );
    await run(
      bank.url,
      `INSERT INTO accounts (id) VALUES (301), (302); UPDATE accounts SET balance = 1 WHERE id = 7`,
    );
    const error = await failure(promote(), 'ROWS_NOT_TRANSFORMED');
    expect(error.details.untransformed).toEqual([{ table: 'public.accounts', rows: 3 }]);
    expect(await rowsOf(bank.url, 'SELECT count(*)::int FROM accounts')).toEqual([{ count: 202 }]);
    const result = await promote({ acceptUntransformed: true });
    expect(result.untransformed).toEqual([{ table: 'public.accounts', rows: 3 }]);
    expect(
      await rowsOf(bank.url, `SELECT count(*)::int FROM accounts WHERE level IS NULL`),
    ).toEqual([{ count: 2 }]);
  });

  it('refuses when one of the schemas was changed', async () => {
    bank = await createBank(server, 'scan');
    const shadowUrl = withDatabase(server.adminUrl, `${bank.name}_shadow`);
    await run(shadowUrl, 'CREATE VIEW later AS SELECT 1');
    expect((await failure(promote(), 'SCHEMA_CHANGED')).message).toContain('_shadow');
    await run(shadowUrl, 'DROP VIEW later');
    await run(bank.url, 'ALTER TABLE accounts ADD COLUMN extra int');
    const error = await failure(promote(), 'SCHEMA_CHANGED');
    expect(error.details.changed).toEqual([bank.name]);
    await run(bank.url, 'ALTER TABLE accounts DROP COLUMN extra');
    expect(await databasesOf(server, bank.name)).toEqual([bank.name, `${bank.name}_shadow`]);
    await promote();
  });

  it('refuses a target with replication of the user’s own', async () => {
    bank = await createBank(server, 'logical');
    await withSession(bank.url, async (client) => {
      await client.query(
        `SELECT pg_create_logical_replication_slot('own_${bank.name}', 'pgoutput')`,
      );
      const error = await failure(promote(), 'REPLICATION_IN_THE_WAY');
      expect(error.message).toContain(`own_${bank.name}`);
      expect(error.message).not.toContain('belay_shadow');
      await client.query(`SELECT pg_drop_replication_slot('own_${bank.name}')`);
    });
  });

  it('needs a shadow', async () => {
    bank = await createBank(server, 'scan');
    await promote();
    await failure(promote(), 'SHADOW_NOT_FOUND');
  });

  it('mends a shadow that somebody has written to', async () => {
    bank = await createBank(server, 'scan');
    const shadowUrl = withDatabase(server.adminUrl, `${bank.name}_shadow`);
    await run(
      shadowUrl,
      `DELETE FROM accounts WHERE id < 4; INSERT INTO accounts (id) VALUES (900)`,
    );
    const result = await promote();
    expect(result.verified).toBe(true);
    expect(await rowsOf(bank.url, 'SELECT min(id), max(id), count(*)::int FROM accounts')).toEqual([
      { min: 1, max: 200, count: 200 },
    ]);
  });

  it('refreshes materialized views', async () => {
    bank = await createBank(
      server,
      'scan',
      `${loadSql}; CREATE MATERIALIZED VIEW total AS SELECT sum(balance)::int AS balance FROM accounts`,
      bankMigration,
    );
    await change();
    await promote();
    expect(await rowsOf(bank.url, 'SELECT balance FROM total')).toEqual([{ balance: 5 }]);
  });
});
