import type { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testServers, withSession } from '../../support/servers.js';
import { type GatewayScene, markOf, startScene, stateOf, terminateIn } from './gateway-scene.js';

describe.each(testServers())('a switch seen through the gateway, $name', (server) => {
  let scene: GatewayScene;
  beforeEach(async () => {
    scene = await startScene(server, { switchWaitMs: 1_500 });
  });
  afterEach(() => scene.remove());

  /** Waits until the gateway has led the session elsewhere. */
  const arrival = (branch: string, count = 1) =>
    vi.waitFor(() => expect(scene.used.get(branch)).toBe(count), { timeout: 10_000 });

  it('leads new sessions to the current branch, and named ones to theirs', async () => {
    expect(await markOf(await scene.connect())).toBe('main');
    expect(await markOf(await scene.connect({ branch: 'two' }))).toBe('two');
    scene.switchTo('one');
    expect(await markOf(await scene.connect())).toBe('one');
    expect(await markOf(await scene.connect({ branch: 'two' }))).toBe('two');
  });

  it('takes idle sessions along, and leaves those that named their branch', async () => {
    const [following, named] = [await scene.connect(), await scene.connect({ branch: 'two' })];
    await markOf(following);
    scene.switchTo('one');
    await arrival('one');
    expect(await markOf(following)).toBe('one');
    expect(await markOf(named)).toBe('two');
    scene.switchTo('main');
    scene.switchTo('one');
    scene.switchTo('main');
    await arrival('main');
    expect(await markOf(following)).toBe('main');
    expect(Object.fromEntries(scene.used)).toEqual({ main: 1, one: 0, two: 1 });
  });

  it('answers the first statement after the switch from the new branch, however soon it comes', async () => {
    const client = await scene.connect();
    for (const branch of ['one', 'two', 'main', 'one'] as const) {
      await markOf(client);
      scene.switchTo(branch);
      expect(await markOf(client)).toBe(branch);
    }
  });

  it('carries settings, roles, prepared statements and channels over', async () => {
    const client = await scene.connect({ application: 'my app', options: '-c lock_timeout=777' });
    await client.query(
      `SET work_mem = '7MB'; SET "app.tenant" TO 'çé 7'; SET timezone = 'Asia/Tokyo'`,
    );
    await client.query(
      `SELECT set_config('app.other', 'x''y', false), set_config('DateStyle', 'German', false)`,
    );
    await client.query('PREPARE "my name" AS SELECT name FROM mark');
    await client.query('SET ROLE pg_read_all_data');
    const named = { name: 'pi', text: 'SELECT $1::int + 1 AS n, name FROM mark' };
    await client.query({ ...named, values: [1] });
    await client.query('LISTEN "some Channel"');
    const heard = vi.fn();
    client.on('notification', ({ channel, payload }) => heard(channel, payload));
    scene.switchTo('one');
    await arrival('one');
    const { rows } = await client.query({
      text: `SELECT current_setting('work_mem') AS memory, current_setting('app.tenant') AS tenant,
        current_setting('app.other') AS other, current_setting('DateStyle') AS style, current_user AS role,
        current_setting('application_name') AS application, current_setting('lock_timeout') AS lock,
        current_setting('timezone') AS zone`,
    });
    expect(rows).toEqual([
      {
        ...{ memory: '7MB', tenant: 'çé 7', other: "x'y", style: 'German, DMY' },
        ...{ role: 'pg_read_all_data', application: 'my app', lock: '777ms', zone: 'Asia/Tokyo' },
      },
    ]);
    expect((await client.query('EXECUTE "my name"')).rows).toEqual([{ name: 'one' }]);
    expect((await client.query({ ...named, values: [41] })).rows).toEqual([{ n: 42, name: 'one' }]);
    await withSession(scene.databases.one.url, (other) =>
      other.query(`NOTIFY "some Channel", 'hello'`),
    );
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith('some Channel', 'hello'));
  });

  it.each([
    ['temporary tables', 'CREATE TEMP TABLE t (a int)'],
    ['advisory locks', 'SELECT pg_advisory_lock(7)'],
    ['cursors WITH HOLD', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'],
    ['a name that cannot be known', `SELECT set_config('app.' || 'x', '1', false)`],
    ['other columns', 'PREPARE-BY-PROTOCOL'],
  ])('ends a session that holds %s with 57P01 and says so', async (what, sql) => {
    const client = await scene.connect();
    await withSession(scene.databases.one.url, (one) =>
      one.query('ALTER TABLE mark ADD extra int'),
    );
    if (sql === 'PREPARE-BY-PROTOCOL')
      await client.query({ name: 's', text: 'SELECT * FROM mark' });
    else await client.query(sql);
    const ended = new Promise<Record<string, string>>((resolve) =>
      client.on('error', (error) => resolve(error as unknown as Record<string, string>)),
    );
    scene.switchTo('one');
    const error = await ended;
    expect(error).toMatchObject({ code: '57P01', severity: 'FATAL' });
    expect(error.detail).toContain(what);
  });

  it('ends a transaction as PostgreSQL does, and keeps nothing of it', async () => {
    const client = await scene.connect();
    await client.query('BEGIN');
    await client.query(`INSERT INTO work VALUES (1, 'lost')`);
    const ended = new Promise<unknown>((resolve) => client.on('error', resolve));
    scene.switchTo('one');
    expect(await ended).toMatchObject({
      ...{ code: '57P01', message: 'terminating connection due to administrator command' },
    });
    for (const { url } of Object.values(scene.databases)) {
      const rows = await withSession(url, (other) => other.query('SELECT * FROM work'));
      expect(rows.rows).toEqual([]);
    }
  });

  it('lets a running statement end, and ends one that goes on for too long', async () => {
    const [short, long] = [await scene.connect(), await scene.connect()];
    const quick = short.query(`SELECT name, pg_sleep(0.4) FROM mark`);
    const slow = stateOf(long.query('SELECT pg_sleep(60)'));
    await vi.waitFor(() =>
      expect(scene.gateway.connections().some(({ idle }) => idle)).toBe(false),
    );
    scene.switchTo('one');
    expect((await quick).rows[0]).toMatchObject({ name: 'main' });
    expect(await markOf(short)).toBe('one');
    expect(await slow).toBe('57P01');
    // Nobody waits for its answer: it does not go on in the server either.
    await vi.waitFor(async () => {
      const { rows } = await withSession(server.adminUrl, (admin) =>
        admin.query(
          `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND datname LIKE 'gate%'`,
        ),
      );
      expect(rows).toEqual([]);
    });
  });

  it('keeps what is typed during the switch for the new branch, and what was typed before for the old', async () => {
    const client = await scene.connect();
    let release = () => {};
    const first = client.query('SELECT name, pg_sleep(0.3) FROM mark');
    await vi.waitFor(() => expect(scene.gateway.connections()[0]?.idle).toBe(false));
    scene.onFind = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    scene.switchTo('two');
    const second = client.query('SELECT name FROM mark');
    expect((await first).rows[0]).toMatchObject({ name: 'main' });
    scene.onFind = async () => {};
    release();
    expect((await second).rows).toEqual([{ name: 'two' }]);
  });

  it('stays where it is when the new branch cannot be found, and tells new ones', async () => {
    const client = await scene.connect();
    await markOf(client);
    scene.switchTo('nowhere' as 'one');
    expect(await markOf(client)).toBe('main');
    const error = await scene.connect().catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: '3D000', hint: '`belay branch list` names them.' });
  });

  it('continues an idle session whose server process was ended, with what it had set', async () => {
    const client = await scene.connect();
    await client.query(`SET work_mem = '9MB'`);
    await client.query({ name: 'q', text: 'SELECT name FROM mark' });
    await client.query('LISTEN news');
    expect(await terminateIn(server, scene.databases.main)).toBe(1);
    expect(await markOf(client)).toBe('main');
    expect((await client.query({ name: 'q', text: 'SELECT name FROM mark' })).rows).toHaveLength(1);
    expect((await client.query('SHOW work_mem')).rows).toEqual([{ work_mem: '9MB' }]);
    expect((await client.query('SELECT pg_listening_channels() AS c')).rows).toEqual([
      { c: 'news' },
    ]);
  });

  it.each([
    ['a temporary table', async (client: Client) => client.query('CREATE TEMP TABLE t (a int)')],
    ['a lock', async (client: Client) => client.query('SELECT pg_advisory_lock(1)')],
    ['a transaction', async (client: Client) => client.query('BEGIN')],
  ])('passes the end of its server process on to a session with %s', async (_what, prepare) => {
    const client = await scene.connect();
    await prepare(client);
    const ended = new Promise<unknown>((resolve) => client.on('error', resolve));
    await terminateIn(server, scene.databases.main);
    expect(await ended).toMatchObject({ code: '57P01' });
  });

  it('finds the database again after a swap by rename', async () => {
    const client = await scene.connect();
    await markOf(client);
    const [main, one] = [scene.databases.main.name, scene.databases.one.name];
    await terminateIn(server, scene.databases.main);
    await withSession(server.adminUrl, async (admin) => {
      await admin.query(`ALTER DATABASE "${main}" RENAME TO "${main}_old"`);
      const asked = markOf(client);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await admin.query(`ALTER DATABASE "${one}" RENAME TO "${main}"`);
      expect(await asked).toBe('one');
      await terminateIn(server, scene.databases.main);
      await admin.query(`ALTER DATABASE "${main}" RENAME TO "${one}"`);
      await admin.query(`ALTER DATABASE "${main}_old" RENAME TO "${main}"`);
    });
    expect(await markOf(client)).toBe('main');
  });
});
