import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { createTestDatabase, runBelay, testServers, withDatabase } from '../support/servers.js';
import { databasesOf, itemsOf, run, shopSql } from '../support/targets.js';

const unique = randomBytes(3).toString('hex');

/** Names that PostgreSQL allows and that shells, flags, URLs or SQL could stumble over. */
const names = [
  `-x${unique}`,
  `a=b ${unique}`,
  `we"ird ${unique}`,
  `it's; $(id)\n%41 ?#&@:/ UPPER.Case ${unique}`,
  `${'e\u0301漢字🧗'.repeat(4)}${unique}x`,
];

describe.each(testServers())('odd names on $name', (server) => {
  it.each(names)('%j as the target and as --to', async (name) => {
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    const database = await createTestDatabase(server, { exactName: name, sql: shopSql });
    const to = Buffer.from(`-${name}`).length > 63 ? `-${[...name].slice(2).join('')}` : `-${name}`;
    const json = async (...args: string[]) => {
      const result = await callCli([...args, '--json', '--url', database.url]);
      expect(result).toMatchObject({ exitCode: 0, stderr: '' });
      return result.json;
    };
    try {
      const taken = await json('snapshot', 'baseline');
      expect(taken.target.database).toBe(name);
      await run(database.url, 'DELETE FROM items');
      expect((await json('restore', 'baseline')).database).toBe(name);
      expect(await itemsOf(database.url)).toHaveLength(3);
      expect((await json('restore', 'baseline', '--to', to)).database).toBe(to);
      expect(await itemsOf(withDatabase(database.url, to))).toHaveLength(3);
      await json('undo');
      expect(await itemsOf(database.url)).toEqual([]);
      const again = await callCli([
        'restore',
        'baseline',
        '--to',
        to,
        '--json',
        '--url',
        database.url,
      ]);
      expect(again).toMatchObject({ exitCode: 5 });
    } finally {
      await run(server.adminUrl, `DROP DATABASE IF EXISTS "${to.replaceAll('"', '""')}"`);
      await database.drop();
    }
  });

  it('two names with the same first 63 bytes of a clone’s name stay apart', async () => {
    const [a, b] = await Promise.all(
      ['a', 'b'].map((end) =>
        createTestDatabase(server, { exactName: `${'n'.repeat(50)}${unique}${end}`, sql: shopSql }),
      ),
    );
    if (!a || !b) throw new Error('two databases are needed');
    for (const { url } of [a, b]) await callCli(['snapshot', 'baseline', '--url', url]);
    await callCli(['delete', 'baseline', '--yes', '--url', a.url]);
    expect((await callCli(['list', '--json', '--url', a.url])).json.snapshots).toHaveLength(0);
    expect((await callCli(['list', '--json', '--url', b.url])).json.snapshots).toHaveLength(1);
    await Promise.all([a.drop(), b.drop()]);
    expect(await databasesOf(server, 'n'.repeat(20))).toEqual([]);
  });

  it('a name that begins with a dash is no flag for the program either', async () => {
    const database = await createTestDatabase(server, {
      exactName: `--json${unique}`,
      sql: shopSql,
    });
    const connection = `host=127.0.0.1 port=${server.port} user=postgres password=${server.password} dbname=${database.name}`;
    const result = await runBelay(['snapshot', 'baseline', '--url', connection]);
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stdout).toContain(`"${database.name}"`);
    await database.drop();
  });
});
