import { describe, expect, it } from 'vitest';
import {
  lossesOf,
  nodeScript,
  type ToolProject,
  testFile,
  withTool,
} from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

/** `prisma migrate deploy`, by Prisma's own engine. */
const deploy = `
  import { readdirSync, readFileSync } from 'node:fs';
  import { withPrisma } from ${JSON.stringify(testFile('integration/migration-tools/prisma-engine.ts'))};
  const names = readdirSync('prisma/migrations').filter((name) => !name.includes('.')).sort();
  const migrations = names.map((name) => [name, readFileSync(\`prisma/migrations/\${name}/migration.sql\`, 'utf8')]);
  try {
    console.log(await withPrisma(process.env.DATABASE_URL, (prisma) => prisma.deploy(migrations)));
  } catch (error) {
    console.error(String(error));
    process.exitCode = 1;
  }
  // The engine keeps a timer for as long as its idle connections would live.
  process.exit();`;

const project: ToolProject = {
  files: {
    'deploy.mts': deploy,
    'prisma/schema.prisma':
      'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n',
    'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
    'prisma/migrations/0_init/migration.sql': `
      CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN', 'GUEST');
      CREATE TABLE "User" ("id" SERIAL NOT NULL, "email" TEXT NOT NULL, "name" TEXT,
        "role" "Role" NOT NULL DEFAULT 'USER', CONSTRAINT "User_pkey" PRIMARY KEY ("id"));
      CREATE TABLE "Session" ("token" TEXT NOT NULL, "userId" INTEGER NOT NULL,
        CONSTRAINT "Session_pkey" PRIMARY KEY ("token"));
      CREATE TABLE "Product" ("id" TEXT NOT NULL, "price" DOUBLE PRECISION,
        CONSTRAINT "Product_pkey" PRIMARY KEY ("id"));
      CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
      ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey"
        FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;`,
  },
  command: nodeScript('deploy.mts'),
  // Two users without a name, one product without a price.
  seed: `
    INSERT INTO "User" ("email", "name", "role")
      SELECT n || '@example.org', CASE WHEN n % 4 > 0 THEN 'user ' || n END, (ARRAY['USER', 'ADMIN'])[1 + n % 2]::"Role"
        FROM generate_series(1, 8) n;
    INSERT INTO "Session" SELECT 'token ' || n, 1 + n % 8 FROM generate_series(1, 12) n;
    INSERT INTO "Product" SELECT 'p' || n, CASE WHEN n < 5 THEN n * 1.5 END FROM generate_series(1, 5) n`,
  // As \`prisma migrate dev\` writes it: a rename and another type are a column less and a column more.
  last: {
    'prisma/migrations/20260203040506_rework/migration.sql': `
      /*
        Warnings:
        - You are about to drop the column "name" on the "User" table. All the data in the column will be lost.
      */
      -- AlterEnum
      BEGIN;
      CREATE TYPE "Role_new" AS ENUM ('USER', 'ADMIN');
      ALTER TABLE "User" ALTER COLUMN "role" DROP DEFAULT;
      ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
      ALTER TYPE "Role" RENAME TO "Role_old";
      ALTER TYPE "Role_new" RENAME TO "Role";
      DROP TYPE "Role_old";
      ALTER TABLE "User" ALTER COLUMN "role" SET DEFAULT 'USER';
      COMMIT;
      -- AlterTable
      ALTER TABLE "User" DROP COLUMN "name", ADD COLUMN "fullName" TEXT;
      ALTER TABLE "Product" DROP COLUMN "price", ADD COLUMN "price" INTEGER;
      -- DropTable
      ALTER TABLE "Session" DROP CONSTRAINT "Session_userId_fkey";
      DROP TABLE "Session";`,
  },
};

const failing = {
  'prisma/migrations/20260304050607_broken/migration.sql':
    'DELETE FROM "Product";\nALTER TABLE "User" ADD COLUMN "born" DATE NOT NULL;\n',
};

describe.each(testServers())("a migration of Prisma's engine, rehearsed on $name", (server) => {
  it('does on the copy what it does for real, and nothing else', () =>
    withTool(server, project, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(lossesOf(rehearsal)).toEqual({
        'public._prisma_migrations': { change: 'kept', rowsInserted: 1, columns: [] },
        'public.Product': {
          ...{ change: 'kept', valuesLost: 4 },
          columns: ['price dropped, 4 lost', 'price added'],
        },
        'public.Session': { change: 'dropped', rowsDeleted: 12, columns: [] },
        'public.User': {
          ...{ change: 'kept', valuesLost: 6 },
          columns: ['role retyped', 'name dropped, 6 lost', 'fullName added'],
        },
      });
      expect(rehearsal).toMatchObject({ ok: true, recordsLost: 22, valuesChanged: 0 });
      expect(rehearsal.untouched).toMatchObject({ status: 'proven' });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(0);
      await scene.expectFulfilled(rehearsal);
    }));

  it('that fails is reported, and the real database knows nothing of it', () =>
    withTool(server, project, async (scene) => {
      scene.write(failing);
      const { exitCode, rehearsal } = await scene.rehearse();
      expect(exitCode).toBe(7);
      expect(rehearsal).toMatchObject({ ok: false, exitCode: 1 });
      // The migration before it succeeded.
      expect(lossesOf(rehearsal)).toMatchObject({ 'public.Session': { rowsDeleted: 12 } });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(1);
      await scene.expectFulfilled(rehearsal);
    }));
});
