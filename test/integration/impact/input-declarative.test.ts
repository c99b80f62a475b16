import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';

// A file of its own: finding the SQL between two schemas takes seconds.
describe.each(testServers())('$name: a plan between two schemas', (server) => {
  let database: TestDatabase | undefined;
  afterEach(() => database?.drop());

  const users = (columns: string) => `CREATE TABLE users (id int PRIMARY KEY, ${columns});`;

  it('counts on the live database what the way from one to the other loses', async () => {
    database = await createTestDatabase(server, {
      name: 'plan_way',
      sql: `${users('email text, name text')}
        INSERT INTO users SELECT i, CASE WHEN i % 5 > 0 THEN 'e' || i END FROM generate_series(1, 50) i`,
    });
    const env = { BELAY_DRILL_SERVER: server.adminUrl };
    const { belay, folder } = makeMigrationProject(database.url, {}, env);
    mkdirSync(join(folder, 'db'));
    writeFileSync(join(folder, 'db/old.sql'), users('email text, name text'));
    writeFileSync(join(folder, 'db/new.sql'), users('name text'));
    const { statements, totals } = await belay(['plan', 'db/old.sql:db/new.sql']);
    expect(statements).toMatchObject([
      {
        ...{ file: 'db/old.sql:db/new.sql', line: 1 },
        impacts: [{ operation: 'DROP COLUMN', object: 'public.users.email', recordsAtRisk: 40 }],
      },
    ]);
    expect(totals.recordsAtRisk).toBe(40);
  });
});
