import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveSource } from '../../../src/features/table/archive-source.js';
import { restoreTables } from '../../../src/features/table/restore-tables.js';
import type { RestoreTablesOptions } from '../../../src/features/table/table-order.js';
import { BelayError } from '../../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../../support/servers.js';
import { failure, rowsOf, run, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { dumpServers, schemaOf, snapshot } from './tables.js';

const shop = `
  CREATE TABLE customers (id int PRIMARY KEY);
  CREATE TABLE "or""ders" (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer int REFERENCES customers,
    twice int GENERATED ALWAYS AS (customer * 2) STORED,
    note text,
    "select" bytea
  );
  CREATE INDEX ON "or""ders" (note);
  CREATE TABLE items ("order" int REFERENCES "or""ders");
  CREATE TABLE empty (a int);
  INSERT INTO customers VALUES (1), (2);
  INSERT INTO "or""ders" (customer, note, "select")
    SELECT 1 + i % 2, repeat(E'tab\\t new\\nline \\\\. \\\\N ü ', i % 50), decode(md5(i::text), 'hex') FROM generate_series(1, 20000) i;
  UPDATE "or""ders" SET note = NULL WHERE id = 7;
  INSERT INTO items VALUES (1), (2);
`;

describe.each(dumpServers())('restoring a table from an archive on $name', (server) => {
  let db: TestDatabase;
  let file: string;
  let before: string[];
  const table = 'public."or""ders"';
  beforeEach(async () => {
    db = await createTestDatabase(server, { name: 'archive', sql: shop });
    before = await schemaOf(db.url);
    file = join(makeTempFolder(), 'shop.dump');
    await dump();
  });
  afterEach(() => db.drop());

  const dump = (...more: string[]) =>
    promisify(execFile)(join(server.binDir, 'pg_dump'), ['-Fc', '-f', file, ...more, db.url]);
  const hash = () =>
    rowsOf(
      db.url,
      `SELECT count(*)::int, md5(string_agg(o::text, '|' ORDER BY id)) FROM "or""ders" o`,
    );

  async function put(
    options: Partial<RestoreTablesOptions> = {},
    openArchive: () => Promise<Readable> = async () => createReadStream(file),
  ) {
    const { snapshot: taken } = await snapshot(db.url, `s${Date.now()}`);
    // The archive is older than the snapshot that lends its name.
    const source = {
      snapshot: { ...taken, fingerprint: null },
      serverVersion: 150000,
      openArchive,
      env: process.env,
    };
    return withTarget(db.url, (target) =>
      restoreTables(target, async () => archiveSource(source), { tables: [table], ...options }),
    );
  }

  it('brings back every row, the definitions and where the sequence was', async () => {
    const good = await hash();
    await run(db.url, 'DROP TABLE "or""ders" CASCADE');
    const result = await put();
    expect(await hash()).toEqual(good);
    expect(await schemaOf(db.url)).toEqual(before);
    expect(result.tables[0]).toMatchObject({ rows: 20000, notValid: [] });
    expect(
      await rowsOf(db.url, `INSERT INTO "or""ders" (customer) VALUES (1) RETURNING id`),
    ).toEqual([{ id: 20001 }]);
  });

  it('reads an archive that comes in pieces, from wherever it comes', async () => {
    const good = await hash();
    await run(db.url, 'UPDATE "or""ders" SET note = 1');
    const bytes = await readFile(file);
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    }
    await put({ tables: [table, 'public.empty'] }, async () =>
      Readable.from(pieces(), { objectMode: false }),
    );
    expect(await hash()).toEqual(good);
  });

  it.each([
    ['cut off in its table of contents', 3000, 'NOT_AN_ARCHIVE'],
    ['cut off in its data', 200_000, 'RESTORE_FAILED'],
  ] as const)('changes nothing when the archive is %s', async (_what, length, code) => {
    await run(db.url, 'UPDATE "or""ders" SET note = 1');
    const [now, schema] = [await hash(), await schemaOf(db.url)];
    const bytes = (await readFile(file)).subarray(0, length);
    await failure(
      put({}, async () => Readable.from([bytes], { objectMode: false })),
      code,
    );
    expect(await hash()).toEqual(now);
    expect(await schemaOf(db.url)).toEqual(schema);
    expect(await rowsOf(db.url, `SELECT FROM pg_namespace WHERE nspname LIKE 'belay%'`)).toEqual(
      [],
    );
  });

  it('changes nothing when the archive fails behind the table, as a broken seal does', async () => {
    const now = await hash();
    const bytes = await readFile(file);
    let opened = 0;
    async function* broken() {
      yield bytes;
      // By now pg_restore has all that it wants.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      throw new BelayError('SEAL_BROKEN', 'not what was sealed');
    }
    const open = async () => {
      opened += 1;
      return Readable.from(opened === 1 ? [bytes] : broken(), { objectMode: false });
    };
    await failure(put({}, open), 'SEAL_BROKEN');
    expect(await hash()).toEqual(now);
  });

  it('says that the rows are not there, where they are not or are INSERTs', async () => {
    await dump('--inserts');
    await failure(put(), 'TABLE_NOT_FOUND');
    await dump('--schema-only');
    await failure(put(), 'TABLE_NOT_FOUND');
    await failure(
      put({}, async () => Readable.from([Buffer.from('-- SQL')])),
      'NOT_AN_ARCHIVE',
    );
  });

  it('reads an archive in another encoding', async () => {
    const good = await hash();
    await dump('--encoding=LATIN1');
    await run(db.url, 'UPDATE "or""ders" SET note = 1');
    await put();
    expect(await hash()).toEqual(good);
  });
});
