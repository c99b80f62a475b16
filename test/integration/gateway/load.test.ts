import type { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startThrowawayServer, testServers } from '../../support/servers.js';
import { rowsOf } from '../../support/targets.js';
import { type GatewayScene, markOf, startScene, stateOf } from './gateway-scene.js';

const branches = ['main', 'one', 'two'] as const;
type Branch = (typeof branches)[number];
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(testServers())('many clients at the gateway to $name', (server) => {
  let scene: GatewayScene;
  beforeEach(async () => {
    scene = await startScene(server);
  });
  afterEach(() => scene.remove());

  /** Rows of all databases: id, and the branch where it lies. */
  async function written(): Promise<Map<string, Branch[]>> {
    const found = new Map<string, Branch[]>();
    for (const branch of branches) {
      for (const { id } of await rowsOf(scene.databases[branch].url, 'SELECT id FROM work')) {
        found.set(id, [...(found.get(id) ?? []), branch]);
      }
    }
    return found;
  }

  it('switches under load: nothing fails, nothing is done twice or in the wrong place', async () => {
    let current: Branch = 'main';
    let generation = 0;
    let isOver = false;
    const placed = new Map<string, Branch | 'either'>();
    const failures: unknown[] = [];
    const write = async (client: Client, worker: number) => {
      for (let turn = 0; !isOver; turn += 1) {
        const id = String(worker * 1_000_000 + turn);
        const [before, branch] = [generation, current];
        const prepared = worker % 2 === 0 ? { name: 'insert' } : {};
        const text = 'INSERT INTO work VALUES ($1, $2)';
        await client.query({ ...prepared, text, values: [id, `w${worker}`] }).catch((error) => {
          failures.push(error);
        });
        placed.set(id, generation === before ? branch : 'either');
      }
    };
    const clients = await Promise.all(Array.from({ length: 12 }, () => scene.connect()));
    const work = Promise.all(clients.map(write));
    for (let turn = 1; turn <= 24; turn += 1) {
      await pause(60);
      generation += 1;
      current = branches[turn % 3] as Branch;
      scene.switchTo(current);
    }
    isOver = true;
    await work;
    expect(failures).toEqual([]);
    const found = await written();
    expect(found.size).toBe(placed.size);
    for (const [id, branch] of placed) {
      const places = found.get(id) ?? [];
      expect(places, id).toHaveLength(1);
      if (branch !== 'either') expect(places, id).toEqual([branch]);
    }
  });

  it('ends transactions under load with 57P01, whole or not at all', async () => {
    const committed: string[] = [];
    const states = new Set<string>();
    let isOver = false;
    const transact = async (worker: number) => {
      let client = await scene.connect();
      for (let turn = 0; !isOver; turn += 1) {
        const first = worker * 1_000_000 + turn * 2;
        try {
          await client.query('BEGIN');
          await client.query('INSERT INTO work VALUES ($1, $2)', [first, 'a']);
          await client.query('INSERT INTO work VALUES ($1, $2)', [first + 1, 'b']);
          await client.query('COMMIT');
          committed.push(String(first));
        } catch (error) {
          states.add(String((error as { code?: string }).code));
          client = await scene.connect();
        }
      }
    };
    const work = Promise.all(Array.from({ length: 8 }, (_, worker) => transact(worker)));
    for (let turn = 1; turn <= 12; turn += 1) {
      await pause(100);
      scene.switchTo(branches[turn % 3] as Branch);
    }
    isOver = true;
    await work;
    // A client that had sent its next statement when the end came sees the closed connection first.
    expect(
      [...states].filter((state) => !['57P01', 'undefined', 'ECONNRESET', 'EPIPE'].includes(state)),
    ).toEqual([]);
    const found = await written();
    expect(found.size).toBe(committed.length * 2);
    for (const first of committed) {
      const place = found.get(first);
      expect(place).toHaveLength(1);
      expect(found.get(String(Number(first) + 1))).toEqual(place);
    }
  });

  it('takes 100 idle clients along, again and again', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => scene.connect()));
    for (const branch of ['one', 'two', 'main'] as const) {
      await Promise.all(clients.map(markOf));
      scene.switchTo(branch);
      await vi.waitFor(() => expect(scene.used.get(branch)).toBe(100), { timeout: 30_000 });
      expect(new Set(await Promise.all(clients.map(markOf)))).toEqual(new Set([branch]));
    }
  });

  it('keeps little in memory while a slow client takes a result of 1 GB', async () => {
    const client = await scene.connect();
    const text = `COPY (SELECT repeat('x', 1048575) FROM generate_series(1, 1024)) TO STDOUT`;
    const stream = client.query(copyTo(text));
    const before = process.memoryUsage().rss;
    let [bytes, most, next] = [0, 0, 0];
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes < next) continue;
      next += 16 * 1024 * 1024;
      most = Math.max(most, process.memoryUsage().rss - before);
      await pause(next < 64 * 1024 * 1024 ? 200 : 1);
    }
    expect(bytes).toBe(1024 * 1024 * 1024);
    expect(most).toBeLessThan(250 * 1024 * 1024);
    expect(await markOf(client)).toBe('main');
  });

  it('has no room beyond the server’s own, and takes idle clients along all the same', async () => {
    const small = await startThrowawayServer({
      major: server.major,
      settings: {
        max_connections: '20',
        superuser_reserved_connections: '0',
        wal_level: 'replica',
        max_wal_senders: '0',
      },
    });
    const own = await startScene(small);
    try {
      const states = await Promise.all(Array.from({ length: 30 }, () => stateOf(own.connect())));
      expect(new Set(states)).toEqual(new Set(['none', '53300']));
      const inside = own.gateway.connections().length;
      expect(inside).toBeGreaterThan(15);
      own.switchTo('one');
      await vi.waitFor(() => expect(own.used.get('one')).toBe(inside), { timeout: 20_000 });
    } finally {
      await own.remove();
      await small.remove();
    }
  });
});
