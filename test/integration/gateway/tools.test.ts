import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testServers, withSession } from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { withPrisma } from '../migration-tools/prisma-engine.js';
import { type GatewayScene, markOf, startScene } from './gateway-scene.js';

/** A program at the gateway; its password comes by the environment, as a user would give it. */
function start(scene: GatewayScene, program: string, args: string[], branch?: string) {
  const url = new URL(scene.url(branch));
  const child = spawn(program, args, {
    env: {
      ...{ PATH: process.env.PATH, PGHOST: '127.0.0.1', PGPORT: url.port, PGUSER: 'postgres' },
      ...{
        PGPASSWORD: decodeURIComponent(url.password),
        PGDATABASE: decodeURIComponent(url.pathname.slice(1)),
      },
      PSQLRC: '/dev/null',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return new Running(child);
}

class Running {
  text = '';
  readonly exitCode: Promise<number | null>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.text += chunk;
      });
    }
    this.exitCode = new Promise((resolve) => child.on('close', resolve));
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  end(): Promise<number | null> {
    this.#child.stdin.end();
    return this.exitCode;
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  shows(text: string | RegExp): Promise<void> {
    return vi.waitFor(() => expect(this.text).toMatch(text), { timeout: 15_000 });
  }
}

describe.each(testServers())('what people use, through the gateway to $name', (server) => {
  let scene: GatewayScene;
  beforeEach(async () => {
    scene = await startScene(server);
  });
  afterEach(() => scene.remove());

  it('psql: COPY both ways, \\watch, \\c, a cancelled query, across switches', async () => {
    const psql = start(scene, 'psql', ['-AtX', '-v', 'PROMPT1=', '-v', 'PROMPT2=']);
    psql.say('SELECT $$at $$ || name FROM mark;');
    await psql.shows('at main');
    scene.switchTo('one');
    psql.say('SELECT $$at $$ || name FROM mark;');
    await psql.shows('at one');
    psql.say('COPY work FROM STDIN;\n1\tpsql\n2\tpsql\n\\.');
    psql.say('COPY (SELECT id, who FROM work ORDER BY id) TO STDOUT;');
    await psql.shows(/COPY 2\n1\tpsql\n2\tpsql/);
    psql.say(`\\c "${scene.database}@two"`);
    psql.say('SELECT $$named $$ || name FROM mark;');
    await psql.shows('named two');
    psql.say(`\\c "${scene.database}"`);
    psql.say(`SELECT $$tick $$ || name FROM mark \\watch 0.2`);
    await psql.shows('tick one');
    scene.switchTo('two');
    await psql.shows('tick two');
    psql.interrupt();
    psql.say('SELECT pg_sleep(30);');
    await vi.waitFor(() => expect(scene.gateway.connections()[0]?.idle).toBe(false));
    psql.interrupt();
    await psql.shows('canceling statement due to user request');
    // A script that is interrupted ends there.
    expect(await psql.end()).toBe(3);
  });

  it.each(['simple', 'extended', 'prepared'])(
    'pgbench -M %s: no client sees a switch',
    async (mode) => {
      const sql = '\\set n random(1, 1000)\nSELECT name, :n FROM mark WHERE name <> (:n)::text;\n';
      const script = join(makeTempFolder({ 'read.sql': sql }), 'read.sql');
      const args = ['-n', '-c', '8', '-j', '2', '-T', '3', '-M', mode, '-f', script];
      const pgbench = start(scene, 'pgbench', args);
      pgbench.say('\\set n random(1, 1000)\nSELECT name, :n FROM mark WHERE name <> (:n)::text;');
      pgbench.end();
      const order = ['one', 'two', 'main'] as const;
      let done = false;
      const ended = pgbench.exitCode.finally(() => {
        done = true;
      });
      for (let turn = 0; !done; turn += 1) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        scene.switchTo(order[turn % 3] as 'one');
      }
      expect(await ended, pgbench.text).toBe(0);
      expect(pgbench.text).toMatch(/number of transactions actually processed: \d{2,}/);
      expect(pgbench.text).not.toMatch(/aborted|error/i);
    },
  );

  it('node-postgres: a pool, streams of COPY, a cursor, across a switch', async () => {
    const pool = new pg.Pool({ connectionString: scene.url(), max: 4 });
    pool.on('error', () => {});
    const marks = () => Promise.all(Array.from({ length: 8 }, () => markOf(pool as never)));
    expect(new Set(await marks())).toEqual(new Set(['main']));
    scene.switchTo('one');
    expect(new Set(await marks())).toEqual(new Set(['one']));
    const client = await pool.connect();
    const rows = Array.from({ length: 20_000 }, (_, at) => `${at}\tcopied\n`);
    await pipeline(rows, client.query(copyFrom('COPY work FROM STDIN')));
    scene.switchTo('two');
    scene.switchTo('one');
    let bytes = 0;
    for await (const chunk of client.query(copyTo('COPY work TO STDOUT'))) bytes += chunk.length;
    expect(bytes).toBe(Buffer.byteLength(rows.join('')));
    await client.query('BEGIN');
    await client.query('DECLARE c CURSOR FOR SELECT id FROM work ORDER BY id');
    expect((await client.query('FETCH 3 FROM c')).rows).toHaveLength(3);
    await client.query('COMMIT');
    client.release();
    await pool.end();
  });

  it('postgres.js: prepared statements, LISTEN, COPY, a transaction, across a switch', async () => {
    const sql = postgres(scene.url(), { max: 3, onnotice: () => {} });
    const mark = async (n: number) => (await sql`SELECT name, ${n}::int AS n FROM mark`)[0]?.name;
    const many = () => Promise.all([1, 2, 3, 4, 5, 6].map(mark));
    expect(new Set(await many())).toEqual(new Set(['main']));
    const heard = vi.fn();
    await sql.listen('news', heard);
    scene.switchTo('one');
    expect(new Set(await many())).toEqual(new Set(['one']));
    await vi.waitFor(async () => {
      await withSession(scene.databases.one.url, (other) => other.query(`NOTIFY news, 'hi'`));
      expect(heard).toHaveBeenCalledWith('hi');
    });
    const writable = await sql`COPY work FROM STDIN`.writable();
    writable.write('1\tjs\n');
    await new Promise((resolve) => writable.end(resolve));
    await vi.waitFor(async () => expect((await sql`SELECT * FROM work`).length).toBe(1));
    await sql.begin(async (inside) => {
      await inside`INSERT INTO work VALUES (9, 'kept')`;
    });
    scene.switchTo('two');
    expect(new Set(await many())).toEqual(new Set(['two']));
    await sql.end();
  });

  it('Prisma: queries by its driver adapter, and its own migrations, each on the branch of the moment', async () => {
    const adapter = await new PrismaPg({ connectionString: scene.url() }).connect();
    const name = async () => {
      const argTypes = [{ scalarType: 'string', arity: 'scalar' }];
      const query = { sql: 'SELECT name FROM mark WHERE name <> $1', args: ['x'], argTypes };
      return (await adapter.queryRaw(query as never)).rows[0]?.[0];
    };
    expect(await name()).toBe('main');
    scene.switchTo('one');
    expect(await name()).toBe('one');
    const init = ['0_init', 'CREATE TABLE "User" (id int PRIMARY KEY);'] as const;
    await withSession(scene.databases.one.url, (one) => one.query('DROP TABLE mark, work'));
    expect(await withPrisma(scene.url(), (prisma) => prisma.deploy([init]))).toEqual(['0_init']);
    scene.switchTo('two');
    expect(await name()).toBe('two');
    for (const [branch, count] of [
      ['one', 1],
      ['two', 0],
    ] as const) {
      const { url } = scene.databases[branch];
      const found = await withSession(url, (client) =>
        client.query(`SELECT 1 FROM pg_class WHERE relname = 'User'`),
      );
      expect(found.rows).toHaveLength(count);
    }
    await adapter.dispose();
  });
});
