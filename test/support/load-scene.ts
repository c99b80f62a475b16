import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createShadow } from '../../src/features/shadow/create.js';
import { loadSql } from './load-writers.js';
import { createTestDatabase, type TestDatabase, type TestServer, withSession } from './servers.js';
import { withTarget } from './targets.js';

/** A bank whose shadow has another column, and a new name for one. */
export interface Bank extends TestDatabase {
  readonly method: 'logical' | 'scan';
}

export const bankMigration = `
  ALTER TABLE accounts ADD COLUMN currency text NOT NULL DEFAULT 'EUR';
  ALTER TABLE accounts RENAME COLUMN filler TO note;
  CREATE INDEX history_account ON history (account);
`;

/** Makes a bank and its shadow. Remember to `drop` it. */
export async function createBank(
  server: TestServer,
  method: 'logical' | 'scan',
  sql = loadSql,
  migration = bankMigration,
): Promise<Bank> {
  const bank = await createTestDatabase(server, { name: 'bank', sql });
  await shadowOf(bank.url, method, migration);
  return {
    ...bank,
    method,
    drop: async () => {
      await dropSlots(server, bank.name);
      await bank.drop();
    },
  };
}

export async function shadowOf(
  url: string,
  method: 'logical' | 'scan',
  migration: string,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'belay-bank-'));
  try {
    const file = join(folder, 'migration.sql');
    await writeFile(file, migration);
    await withTarget(url, (target) =>
      createShadow(target, { inputs: [file], replication: method }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A database with a slot cannot be dropped. */
async function dropSlots(server: TestServer, name: string): Promise<void> {
  await withSession(server.adminUrl, (client) =>
    client.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
        WHERE starts_with(database, $1) AND slot_name LIKE 'belay_shadow_%'`,
      [name],
    ),
  );
}
