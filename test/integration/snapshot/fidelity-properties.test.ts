import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  restoreSnapshot,
  switchSnapshot,
  type Target,
  takeSnapshot,
  undoRestore,
} from '../../../src/index.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  testServers,
} from '../../support/servers.js';
import { failure, rowsOf, run, withTarget } from '../../support/targets.js';

/** Everything that belongs to a database but lies outside of it, read without Belay's own code. */
const propertiesSql = `
  SELECT pg_get_userbyid(d.datdba) AS owner, d.datconnlimit AS "limit", d.datallowconn AS open,
         d.datistemplate AS template, shobj_description(d.oid, 'pg_database') AS comment,
         (SELECT array_agg(entry ORDER BY entry)
            FROM (SELECT concat_ws(' ', grantor::regrole, grantee::regrole, privilege_type, is_grantable)
                    FROM aclexplode(d.datacl)) g (entry)) AS grants,
         (SELECT array_agg(concat_ws(' ', s.setrole::regrole, entry) ORDER BY s.setrole, entry)
            FROM pg_db_role_setting s, unnest(s.setconfig) entry WHERE s.setdatabase = d.oid) AS settings
    FROM pg_database d WHERE d.datname = $1`;

describe.each(testServers())('what lies outside of a database on $name', (server) => {
  let shop: TestDatabase;
  let owner: TestRole;
  let chief: TestRole;
  let web: TestRole;
  let dropped: TestRole;
  const unique = randomBytes(4).toString('hex');

  beforeAll(async () => {
    [owner, chief, web, dropped] = (await Promise.all(
      ['CREATEDB', '', '', ''].map((attributes) => createTestRole(server, attributes)),
    )) as [TestRole, TestRole, TestRole, TestRole];
    shop = await createTestDatabase(server, { name: 'we"ird', owner: owner.name });
    const name = `"${shop.name.replaceAll('"', '""')}"`;
    await run(
      server.adminUrl,
      `REVOKE ALL ON DATABASE ${name} FROM PUBLIC;
       GRANT CONNECT, CREATE ON DATABASE ${name} TO ${chief.name} WITH GRANT OPTION;
       SET ROLE ${chief.name}; GRANT CONNECT ON DATABASE ${name} TO ${web.name}; RESET ROLE;
       GRANT TEMPORARY ON DATABASE ${name} TO ${web.name};
       GRANT CONNECT ON DATABASE ${name} TO ${dropped.name};
       COMMENT ON DATABASE ${name} IS E'it''s the "shop"\\n\\\\ of ${unique}';
       ALTER DATABASE ${name} CONNECTION LIMIT 17;
       ALTER DATABASE ${name} SET search_path = app, "We ""ird, schema", public;
       ALTER DATABASE ${name} SET DateStyle = 'ISO, DMY';
       ALTER DATABASE ${name} SET work_mem = '8MB';
       ALTER DATABASE ${name} SET myapp.tenant = E'it''s \\\\ a, "b" = c\\nd';
       ALTER DATABASE ${name} SET myapp.empty = '';
       ALTER DATABASE ${name} SET "MyApp.Mixed" = 'Case';
       ALTER DATABASE ${name} SET temp_tablespaces = 'pg_default';
       ALTER ROLE ${web.name} IN DATABASE ${name} SET search_path = '';
       ALTER ROLE ${web.name} IN DATABASE ${name} SET statement_timeout = '5s';
       ALTER ROLE ${dropped.name} IN DATABASE ${name} SET work_mem = '1MB'`,
    );
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
  });
  afterAll(async () => {
    await shop.drop();
    for (const role of [web, chief, owner, dropped]) await role.drop();
  });

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const properties = async (name = shop.name) =>
    (await rowsOf(server.adminUrl, propertiesSql, [name]))[0];

  it('is the same after a restore, a switch, their undo, and in another database', async () => {
    const before = await properties();
    expect(before.settings).toHaveLength(10);
    expect(before.grants).toHaveLength(8);
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    expect(await properties()).toEqual(before);
    await on((target) => switchSnapshot(target, { reference: 'baseline', save: 'saved' }));
    expect(await properties()).toEqual(before);
    await on((target) => switchSnapshot(target, { reference: 'saved' }));
    expect(await properties()).toEqual(before);
    await on((target) => undoRestore(target));
    expect(await properties()).toEqual(before);
    const to = `${shop.name}_to`;
    await on((target) => restoreSnapshot(target, { reference: 'saved', to }));
    expect(await properties(to)).toEqual(before);
    await run(server.adminUrl, `DROP DATABASE "${to.replaceAll('"', '""')}"`);
  });

  it('comes back as it was when the snapshot was taken, not as it is now', async () => {
    const before = await properties();
    const name = `"${shop.name.replaceAll('"', '""')}"`;
    await run(
      server.adminUrl,
      `ALTER DATABASE ${name} RESET ALL; GRANT ALL ON DATABASE ${name} TO PUBLIC;
       COMMENT ON DATABASE ${name} IS NULL; ALTER DATABASE ${name} CONNECTION LIMIT -1;
       ALTER DATABASE ${name} OWNER TO postgres`,
    );
    const changed = await properties();
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    expect(await properties()).toEqual(before);
    await on((target) => undoRestore(target));
    expect(await properties()).toEqual(changed);
    await on((target) => undoRestore(target));
    expect(await properties()).toEqual(before);
  });

  it('leaves out a role that no longer exists, and says so', async () => {
    await run(server.adminUrl, `DROP OWNED BY ${dropped.name}; DROP ROLE ${dropped.name}`);
    const warnings: string[] = [];
    await on((target) =>
      restoreSnapshot(target, {
        reference: 'baseline',
        reporter: (event) => event.type === 'warning' && warnings.push(event.message),
      }),
    );
    expect(warnings).toEqual([expect.stringContaining(`"${dropped.name}" no longer exists`)]);
    const { grants, settings } = await properties();
    expect(JSON.stringify([grants, settings])).not.toContain(dropped.name);
    expect(settings).toHaveLength(9);
    expect(grants).toHaveLength(7);
  });

  it('goes to the new owner where the old one was replaced and dropped', async () => {
    const heir = await createTestRole(server, 'CREATEDB');
    await run(
      server.adminUrl,
      `REASSIGN OWNED BY ${owner.name} TO ${heir.name}; DROP OWNED BY ${owner.name}; DROP ROLE ${owner.name}`,
    );
    const warnings: string[] = [];
    await on((target) =>
      restoreSnapshot(target, {
        reference: 'baseline',
        reporter: (event) => event.type === 'warning' && warnings.push(event.message),
      }),
    );
    expect(warnings.join()).toContain(`"${owner.name}" no longer exists`);
    const restored = await properties();
    expect(restored.owner).toBe(heir.name);
    expect(restored.grants).toHaveLength(7);
    expect(JSON.stringify(restored.grants)).not.toContain(owner.name);
    await run(
      server.adminUrl,
      `REASSIGN OWNED BY ${heir.name} TO postgres; DROP OWNED BY ${heir.name}`,
    );
    await heir.drop();
  });

  it('is refused as a whole where the role may not carry it over', async () => {
    const limited = await createTestRole(server, 'CREATEDB');
    const mine = await createTestDatabase(server, { owner: limited.name });
    await run(server.adminUrl, `ALTER DATABASE "${mine.name}" SET log_min_duration_statement = 5`);
    const url = limited.urlFor(mine.url);
    await withTarget(url, (target) => takeSnapshot(target, { tag: 'baseline' }));
    const before = await properties(mine.name);
    const error = await failure(
      withTarget(url, (target) => restoreSnapshot(target, { reference: 'baseline' })),
      'CANNOT_CARRY_OVER',
    );
    expect(error).toMatchObject({ exitCode: 6 });
    expect(error.message).toContain('log_min_duration_statement');
    expect(await properties(mine.name)).toEqual(before);
    await mine.drop();
    await limited.drop();
  });

  it('is refused where the target is a template: new databases are made from it', async () => {
    const template = await createTestDatabase(server);
    await run(server.adminUrl, `ALTER DATABASE "${template.name}" IS_TEMPLATE true`);
    await withTarget(template.url, async (target) => {
      await takeSnapshot(target, { tag: 'baseline' });
      await failure(restoreSnapshot(target, { reference: 'baseline' }), 'PROTECTED');
      const to = `${template.name}_to`;
      await restoreSnapshot(target, { reference: 'baseline', to });
      expect(await properties(to)).toEqual(await properties(template.name));
      await run(
        server.adminUrl,
        `ALTER DATABASE "${to}" IS_TEMPLATE false; ALTER DATABASE "${template.name}" IS_TEMPLATE false`,
      );
      await run(server.adminUrl, `DROP DATABASE "${to}"`);
    });
    await template.drop();
  });
});
