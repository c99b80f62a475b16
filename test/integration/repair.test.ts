import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  cloneName,
  madeByBelayConnectionLimit,
  newSnapshotId,
} from '../../src/domain/clone-name.js';
import { cloneOf } from '../../src/domain/snapshot.js';
import { encodeTableSchemaRecord } from '../../src/domain/table-schema-record.js';
import {
  listSnapshots,
  readStatus,
  repairTarget,
  restoreSnapshot,
  type Target,
  takeSnapshot,
} from '../../src/index.js';
import { type TestDatabase, testServers, withDatabase } from '../support/servers.js';
import {
  createShop,
  databasesOf,
  failure,
  itemsOf,
  rowsOf,
  run,
  withTarget,
} from '../support/targets.js';

describe.each(testServers())('repairTarget on $name', (server) => {
  let shop: TestDatabase;
  const foreign: string[] = [];
  beforeEach(async () => {
    shop = await createShop(server);
  });
  afterEach(async () => {
    for (const name of foreign.splice(0)) await run(server.adminUrl, `DROP DATABASE "${name}"`);
    await shop.drop();
  });

  const on = <T>(work: (target: Target) => Promise<T>) => withTarget(shop.url, work);
  const repair = () => on((target) => repairTarget(target));

  /** What CREATE DATABASE has made in the instant before the process dies. */
  async function makeHalfMade(name = cloneName(shop.name, newSnapshotId())): Promise<string> {
    await run(
      server.adminUrl,
      `CREATE DATABASE "${name}" TEMPLATE template0 ALLOW_CONNECTIONS false CONNECTION LIMIT ${madeByBelayConnectionLimit}`,
    );
    return name;
  }

  async function makeForeign(name: string, sql = ''): Promise<void> {
    foreign.push(name);
    await run(server.adminUrl, `CREATE DATABASE "${name}" TEMPLATE template0 ${sql}`);
  }

  it('has nothing to do after a clean run', async () => {
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    expect(await repair()).toEqual({ ok: true, found: [], cleaned: [] });
  });

  it('removes a half-made copy', async () => {
    const database = await makeHalfMade();
    const status = await on((target) => readStatus(target));
    expect(status.leftovers).toMatchObject([{ kind: 'half-made', database }]);
    const { found, cleaned } = await repair();
    expect(cleaned).toMatchObject([{ kind: 'half-made', database }]);
    expect(found).toEqual(cleaned);
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
    expect((await repair()).cleaned).toEqual([]);
  });

  it('does so before any other command that changes something', async () => {
    const half = await makeHalfMade();
    const notes: string[] = [];
    await on((target) =>
      takeSnapshot(target, {
        tag: 'baseline',
        reporter: (event) => event.type === 'note' && notes.push(event.message),
      }),
    );
    expect(notes).toEqual([expect.stringContaining(half)]);
    expect(await databasesOf(server, shop.name)).not.toContain(half);
  });

  it('closes a snapshot that was left open, and counts one that was not counted', async () => {
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    const { previous } = await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    const database = (previous && cloneOf(previous))?.database as string;
    const [{ comment }] = await rowsOf(
      server.adminUrl,
      `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
      [database],
    );
    const record = JSON.parse(comment);
    record.snapshot.fingerprint = null;
    await run(
      server.adminUrl,
      `COMMENT ON DATABASE "${database}" IS '${JSON.stringify(record).replaceAll("'", "''")}';
       ALTER DATABASE "${database}" ALLOW_CONNECTIONS true`,
    );
    const { cleaned } = await repair();
    expect(cleaned.map(({ kind }) => kind).sort()).toEqual(['left-open', 'not-counted']);
    const { snapshots } = await on((target) => listSnapshots(target));
    expect(snapshots.find(({ id }) => id === previous?.id)?.fingerprint).toEqual(
      previous?.fingerprint,
    );
    const [row] = await rowsOf(
      server.adminUrl,
      'SELECT datallowconn AS open FROM pg_database WHERE datname = $1',
      [database],
    );
    expect(row).toEqual({ open: false });
  });

  it('removes a snapshot whose deletion was interrupted', async () => {
    const { snapshot } = await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    const database = cloneOf(snapshot)?.database as string;
    // PostgreSQL's own mark of an interrupted DROP DATABASE; no statement sets it.
    await run(
      server.adminUrl,
      `UPDATE pg_database SET datconnlimit = -2 WHERE datname = '${database}'`,
    );
    const { snapshots } = await on((target) => listSnapshots(target));
    expect(snapshots).toEqual([]);
    const { cleaned } = await repair();
    expect(cleaned).toMatchObject([{ kind: 'half-dropped', database }]);
    expect(await databasesOf(server, shop.name)).toEqual([shop.name]);
  });

  it('removes a database in which a schema was built, when the run that made it is gone', async () => {
    const name = `belay_drill_${randomBytes(6).toString('hex')}`;
    await makeHalfMade(name);
    await repair();
    expect(await databasesOf(server, name)).toEqual([]);
  });

  it('never touches what somebody else has made, however similar the name', async () => {
    const name = (id: string) => cloneName(shop.name, id);
    const limit = `CONNECTION LIMIT ${madeByBelayConnectionLimit}`;
    // A name like a clone's, but without the mark; with the mark, but of another target; a wrong check.
    await makeForeign(name('aaaaaaaaaaaa'));
    await makeForeign(`${shop.name}_belay_bbbbbbbbbbbbzzzz`, limit);
    await makeForeign(`${shop.name}_belay_backup`, limit);
    // With name and mark, but adopted: somebody has written a comment of their own.
    await makeForeign(name('cccccccccccc'), limit);
    await run(
      server.adminUrl,
      `COMMENT ON DATABASE "${name('cccccccccccc')}" IS '{"belay":"ours","keep":true}'`,
    );
    const before = await databasesOf(server, shop.name);
    expect((await repair()).cleaned).toEqual([]);
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    const after = await databasesOf(server, shop.name);
    expect(after).toEqual(expect.arrayContaining(before));
    const { snapshots } = await on((target) => listSnapshots(target));
    expect(snapshots.map(({ tag }) => tag)).toEqual(['baseline']);
  });

  it('removes what an interrupted restore of a table has built aside, and nothing that is kept', async () => {
    const at = '2026-11-21T07:45:31.120Z';
    const records = {
      belay_aside_x: encodeTableSchemaRecord({ kind: 'aside', at, validate: [] }),
      belay_kept_x: encodeTableSchemaRecord({ kind: 'kept', at, snapshotId: 'x', foreignKeys: [] }),
      belay_aside_of_mine: 'my own notes',
    };
    for (const [schema, comment] of Object.entries(records)) {
      await run(
        shop.url,
        `CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.t (id int);
         COMMENT ON SCHEMA ${schema} IS '${comment}'`,
      );
    }
    expect((await repair()).cleaned).toEqual([
      expect.objectContaining({ kind: 'table-aside', schema: 'belay_aside_x' }),
    ]);
    const left = await rowsOf(
      shop.url,
      `SELECT nspname FROM pg_namespace WHERE nspname ~ '^belay_' ORDER BY 1`,
    );
    expect(left).toEqual([{ nspname: 'belay_aside_of_mine' }, { nspname: 'belay_kept_x' }]);
  });

  it('does not take a snapshot for half-made whose record somebody has cleared', async () => {
    const { snapshot } = await on((target) => takeSnapshot(target, { tag: 'cleared' }));
    const clone = cloneOf(snapshot)?.database as string;
    await run(server.adminUrl, `COMMENT ON DATABASE "${clone}" IS NULL`);
    expect((await repair()).cleaned).toEqual([]);
    expect(await databasesOf(server, clone)).toEqual([clone]);
  });

  it('leaves the half-made copy of another target to that target', async () => {
    const other = await createShop(server);
    const half = await makeHalfMade(cloneName(other.name, newSnapshotId()));
    expect((await repair()).cleaned).toEqual([]);
    expect(await databasesOf(server, other.name)).toContain(half);
    await other.drop();
  });

  it('takes a target whose own comment is JSON for what it is', async () => {
    await run(server.adminUrl, `COMMENT ON DATABASE "${shop.name}" IS '{"belay":"x","team":"a"}'`);
    await on((target) => takeSnapshot(target, { tag: 'baseline' }));
    await on((target) => restoreSnapshot(target, { reference: 'baseline' }));
    const [row] = await rowsOf(
      server.adminUrl,
      `SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1`,
      [shop.name],
    );
    expect(row.comment).toBe('{"belay":"x","team":"a"}');
    expect(await itemsOf(shop.url)).toHaveLength(3);
  });

  it('stops at what a newer Belay has made', async () => {
    const name = cloneName(shop.name, newSnapshotId());
    await makeForeign(name);
    await run(server.adminUrl, `COMMENT ON DATABASE "${name}" IS '{"belay":99}'`);
    const error = await failure(repair(), 'BAD_CONFIG');
    expect(error.message).toContain('newer Belay');
    // Nor is it a database to work on.
    await failure(withTarget(withDatabase(shop.url, name), listSnapshots), 'BAD_CONFIG');
    expect(await databasesOf(server, shop.name)).toContain(name);
  });
});
