import { describe, expect, it } from 'vitest';
import { lossesOf, type ToolProject, withTool } from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

/** As Drizzle's documentation has it. */
const migrateScript = `
  import { drizzle } from 'drizzle-orm/node-postgres';
  import { migrate } from 'drizzle-orm/node-postgres/migrator';
  const db = drizzle(process.env.DATABASE_URL);
  try {
    await migrate(db, { migrationsFolder: 'drizzle' });
  } finally {
    await db.$client.end();
  }`;

const journal = (...tags: string[]) =>
  JSON.stringify({
    ...{ version: '7', dialect: 'postgresql' },
    entries: tags.map((tag, idx) => ({
      ...{ idx, version: '7', when: 1767225600000 + idx * 1000, tag, breakpoints: true },
    })),
  });

const project: ToolProject = {
  files: {
    'migrate.mjs': migrateScript,
    'drizzle/meta/_journal.json': journal('0000_orders'),
    'drizzle/0000_orders.sql': `CREATE TABLE "orders" ("id" serial PRIMARY KEY NOT NULL, "total" numeric(10, 2), "state" text, "note" text);
--> statement-breakpoint
CREATE TABLE "lines" ("order_id" integer NOT NULL, "article" text NOT NULL, "amount" integer);`,
  },
  command: [process.execPath, 'migrate.mjs'],
  // Every other total has cents; lines have no key, and each is there twice.
  seed: `
    INSERT INTO orders (total, state, note)
      SELECT n * 1.5, 'open', CASE WHEN n > 2 THEN 'note ' || n END FROM generate_series(1, 10) n;
    INSERT INTO lines SELECT 1 + n / 4, 'article ' || n / 2, 1 FROM generate_series(0, 39) n`,
  last: {
    'drizzle/meta/_journal.json': journal('0000_orders', '0001_simpler'),
    'drizzle/0001_simpler.sql': `ALTER TABLE "orders" RENAME COLUMN "state" TO "status";
--> statement-breakpoint
ALTER TABLE "orders" ALTER COLUMN "total" SET DATA TYPE integer;
--> statement-breakpoint
ALTER TABLE "orders" ALTER COLUMN "note" SET DATA TYPE varchar(6) USING left("note", 6);
--> statement-breakpoint
UPDATE "orders" SET "note" = NULL WHERE "id" IN (1, 3, 4);
--> statement-breakpoint
UPDATE "orders" SET "status" = 'done' WHERE "id" = 10;
--> statement-breakpoint
DELETE FROM "lines" WHERE "order_id" > 8;
--> statement-breakpoint
ALTER TABLE "lines" DROP COLUMN "amount";`,
  },
};

describe.each(testServers())('a migration of Drizzle, rehearsed on $name', (server) => {
  it('does on the copy what it does for real, and nothing else', () =>
    withTool(server, project, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(lossesOf(rehearsal)).toEqual({
        'drizzle.__drizzle_migrations': { change: 'kept', rowsInserted: 1, columns: [] },
        // Rows are told apart by all that is left of them.
        'public.lines': {
          ...{ change: 'kept', rowsDeleted: 8, valuesLost: 32 },
          columns: ['amount dropped, 32 lost'],
        },
        // Lost: notes of 3 and 4. Changed: five totals with cents, the note of 10, and its state.
        'public.orders': {
          ...{ change: 'kept', rowsUpdated: 7, valuesLost: 2, valuesChanged: 7 },
          columns: [
            'total retyped, 5 changed',
            'state → status kept, 1 changed',
            'note retyped, 2 lost, 1 changed',
          ],
        },
      });
      expect(rehearsal).toMatchObject({ ok: true, recordsLost: 42, valuesChanged: 7 });
      expect(rehearsal.untouched).toMatchObject({ status: 'proven' });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(0);
      await scene.expectFulfilled(rehearsal);
    }));

  it('that fails is taken back on the copy, as it would be for real', () =>
    withTool(server, project, async (scene) => {
      scene.write({
        'drizzle/0001_simpler.sql': 'DELETE FROM lines;\n--> statement-breakpoint\nSELECT 1 / 0;',
      });
      const { exitCode, rehearsal } = await scene.rehearse();
      expect(exitCode).toBe(7);
      expect(rehearsal).toMatchObject({ ok: false, exitCode: 1, tables: [], recordsLost: 0 });
      await scene.expectUntouched();
    }));
});
