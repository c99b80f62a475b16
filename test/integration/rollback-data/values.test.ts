import { afterEach, describe, expect, it, vi } from 'vitest';
import { testServers } from '../../support/servers.js';
import { makeScene, type Scene } from './scene.js';

const users = `CREATE TABLE users (id int PRIMARY KEY, email text, name text);
  INSERT INTO users VALUES (1, 'a@x', 'A'), (2, NULL, 'B'), (3, 'c@x', 'C'), (4, 'd@x', 'D');`;

// Each rollback is tried on copies of the schema first: on a busy machine that takes its time.
describe.each(testServers())('$name: values that come back', (server) => {
  let scene: Scene;
  vi.setConfig({ testTimeout: 240_000 });
  const open = async (migrations: Parameters<typeof makeScene>[1]) => {
    scene = await makeScene(server, migrations);
    await scene.up();
    return scene;
  };
  afterEach(() => scene.drop());

  it('of a dropped column, by key; rows written since stay, deleted ones are listed', async () => {
    const { sql, back, rows } = await open({ '1': users, '2': 'ALTER TABLE users DROP email' });
    await sql(
      `INSERT INTO users VALUES (5, 'E'); DELETE FROM users WHERE id = 3; UPDATE users SET name = 'AA' WHERE id = 1`,
    );
    const { ok, verified, restored, data } = await back();
    expect({ ok, verified, restored }).toEqual({
      ...{ ok: true, verified: true, restored: { rows: 0, values: 2 } },
    });
    expect(data?.backups).toMatchObject([
      {
        table: 'public.users',
        column: 'email',
        kind: 'column',
        values: 2,
        missing: 1,
        conflicts: 0,
        samples: ['missing: id 3'],
      },
    ]);
    expect(await rows('SELECT id, email, name FROM users ORDER BY id')).toEqual([
      { id: 1, email: 'a@x', name: 'AA' },
      { id: 2, email: null, name: 'B' },
      { id: 4, email: 'd@x', name: 'D' },
      { id: 5, email: null, name: 'E' },
    ]);
  });

  it('of migrations that kept nothing: refused, or the schema alone', async () => {
    const { refusal, back, rows } = await open({ '1': users, '2': 'ALTER TABLE users ADD x int' });
    const { message, hint } = await refusal('RECORDS_NOT_KEPT', '1', { force: false });
    expect(message).toContain('no record backup of 2');
    expect(hint).toContain('--force');
    const { ok, restored, data } = await back();
    expect({ ok, restored }).toEqual({ ok: true, restored: { rows: 0, values: 0 } });
    expect(data?.withoutBackup).toEqual(['2']);
    expect(await rows('SELECT * FROM users WHERE id = 1')).toEqual([
      { id: 1, email: 'a@x', name: 'A' },
    ]);
  });
});
