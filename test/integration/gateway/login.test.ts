import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startGateway } from '../../../src/gateway/gateway.js';
import { makeCertificates, type TestCertificates } from '../../support/certificates.js';
import { failure } from '../../support/failure.js';
import {
  createTestRole,
  startThrowawayServer,
  testServers,
  withSession,
} from '../../support/servers.js';
import { makeServerFolder } from '../../support/throwaway-server.js';
import {
  type GatewayScene,
  gatewayPassword,
  markOf,
  startScene,
  stateOf,
} from './gateway-scene.js';

/** Sends bytes as they are. @returns what came back until the gateway closed the connection */
function exchange(port: number, bytes: Buffer, alsoEnd = false): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket: Socket = connectSocket(port, '127.0.0.1');
    const received: Buffer[] = [];
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(received)));
    socket.write(bytes);
    if (alsoEnd) socket.end();
  });
}

function startup(code: number, parameters: Record<string, string>): Buffer {
  const text = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${text.join('')}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, body]);
}

const version3 = 3 << 16;

describe.each(testServers())('logging in through the gateway, $name', (server) => {
  let scene: GatewayScene;
  let certificates: TestCertificates;
  beforeAll(async () => {
    certificates = await makeCertificates(await makeServerFolder());
    scene = await startScene(server, {
      ...{ loginWaitMs: 800, maxConnections: 30 },
      tls: {
        key: readFileSync(certificates.serverKeyFile),
        cert: readFileSync(certificates.serverCertFile),
      },
    });
  });
  afterAll(() => scene?.remove());

  const open = async (change: (url: URL) => void, more: object = {}) => {
    const url = new URL(scene.url());
    change(url);
    const client = new Client({ connectionString: url.href, ...more });
    client.on('error', () => {});
    await client.connect();
    return client;
  };

  it('wants the password that it printed, whatever the server wants', async () => {
    const wrong = await stateOf(
      open((url) => {
        url.password = server.password;
      }),
    );
    expect(wrong).toBe('28P01');
    expect(
      await stateOf(
        open((url) => {
          url.password = '';
        }),
      ),
    ).not.toBe('none');
    const client = await open(() => {});
    await client.end();
  });

  it('refuses databases that are none of the target’s as PostgreSQL does, and says which there are', async () => {
    const error = await open((url) => {
      url.pathname = '/elsewhere';
    }).catch((refused) => refused);
    expect(error).toMatchObject({ code: '3D000', message: 'database "elsewhere" does not exist' });
    expect(error.hint).toContain(`"${scene.database}@BRANCH"`);
    const missing = open((url) => {
      url.pathname = `/${scene.database}@nobody`;
    });
    expect(await stateOf(missing)).toBe('3D000');
  });

  it('lets other users log in with the server itself, and ends them at a switch', async () => {
    const role = await createTestRole(server);
    try {
      await withSession(server.adminUrl, async (admin) => {
        await admin.query(`GRANT pg_read_all_data TO ${role.name}`);
      });
      const asRole = (url: URL) => {
        url.username = role.name;
        url.password = role.password;
      };
      const client = await open(asRole);
      expect(await markOf(client)).toBe('main');
      const { rows } = await client.query('SELECT current_user AS name');
      expect(rows).toEqual([{ name: role.name }]);
      const ended = new Promise<unknown>((resolve) => client.on('error', resolve));
      scene.switchTo('one');
      expect(await ended).toMatchObject({ code: '57P01' });
      scene.switchTo('main');
      const wrong = open((url) => {
        asRole(url);
        url.password = 'wrong';
      });
      expect(await stateOf(wrong)).toBe('28P01');
    } finally {
      await role.drop();
    }
  });

  it('talks TLS to who asks for it, also from the first byte', async () => {
    const client = await open(() => {}, {
      ssl: { ca: readFileSync(certificates.rootCertFile), servername: 'localhost' },
    });
    expect(await markOf(client)).toBe('main');
    await client.end();
    const direct = await open(() => {}, {
      ssl: { rejectUnauthorized: false, ALPNProtocols: ['postgresql'] },
      sslnegotiation: 'direct',
    });
    expect(await markOf(direct)).toBe('main');
    await direct.end();
    const unnamed = tls.connect({
      port: scene.gateway.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
    });
    await new Promise((resolve) => unnamed.on('close', resolve).on('error', () => {}));
  });

  it('merges the options of client and route; the route’s search_path stands', async () => {
    scene.overrides.set('two', { options: '-c search_path=of_route -c lock_timeout=5' });
    const client = await scene.connect({
      branch: 'two',
      options: '-c search_path=of_client -c statement_timeout=4321',
      application: 'me',
    });
    const { rows } = await client.query(
      `SELECT current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout,
        current_setting('application_name') AS me`,
    );
    expect(rows).toEqual([{ path: 'of_route', timeout: '4321ms', me: 'me' }]);
    scene.overrides.delete('two');
  });

  it('reaches servers by unix socket', async () => {
    scene.overrides.set('two', { hosts: [{ host: server.socketDir, port: server.port }] });
    expect(await markOf(await scene.connect({ branch: 'two' }))).toBe('two');
    scene.overrides.delete('two');
  });

  it('passes on what the server says when nobody can come in', async () => {
    await withSession(server.adminUrl, (admin) =>
      admin.query(`ALTER DATABASE "${scene.databases.one.name}" CONNECTION LIMIT 0`),
    );
    const role = await createTestRole(server);
    try {
      scene.overrides.set('one', { user: role.name, password: role.password });
      expect(await stateOf(scene.connect({ branch: 'one' }))).toBe('53300');
      scene.overrides.set('one', { user: role.name, password: 'wrong' });
      expect(await stateOf(scene.connect({ branch: 'one' }))).toBe('28P01');
      scene.overrides.set('one', { hosts: [{ host: '127.0.0.1', port: 1 }] });
      expect(await stateOf(scene.connect({ branch: 'one' }))).toBe('08001');
    } finally {
      scene.overrides.delete('one');
      await withSession(server.adminUrl, (admin) =>
        admin.query(`ALTER DATABASE "${scene.databases.one.name}" CONNECTION LIMIT -1`),
      );
      await role.drop();
    }
  });

  it('cancels what runs, with the key that it gave out, and nothing with another', async () => {
    const client = (await scene.connect()) as Client & { processID: number; secretKey: number };
    const running = stateOf(client.query('SELECT pg_sleep(30)'));
    await vi.waitFor(() =>
      expect(scene.gateway.connections().some(({ idle }) => !idle)).toBe(true),
    );
    const request = Buffer.alloc(16);
    request.writeInt32BE(16);
    request.writeInt32BE(80877102, 4);
    request.writeInt32BE(client.processID, 8);
    request.writeInt32BE(client.secretKey ^ 1, 12);
    expect(await exchange(scene.gateway.port, request)).toHaveLength(0);
    request.writeInt32BE(client.secretKey, 12);
    expect(await exchange(scene.gateway.port, request)).toHaveLength(0);
    expect(await running).toBe('57014');
    expect(await markOf(client)).toBe('main');
  });

  it('tells a client of protocol 3.2 that it gets 3.0', async () => {
    const packet = startup(version3 + 2, { user: 'postgres', database: 'x', '_pq_.new': 'on' });
    const answer = await exchange(scene.gateway.port, packet, true);
    expect(answer.subarray(0, 1).toString()).toBe('v');
    expect(answer.includes('_pq_.new\0')).toBe(true);
    expect(answer.includes('SCRAM-SHA-256\0')).toBe(true);
    expect(answer.includes('SCRAM-SHA-256-PLUS')).toBe(false);
  });

  it.each([
    ['no user', startup(version3, { database: 'x' }), '28000'],
    ['protocol 2', startup(2 << 16, { user: 'x' }), '0A000'],
    ['no layout', Buffer.from([0, 0, 0, 12, 0, 3, 0, 0, 65, 66, 67, 68]), '08P01'],
  ])('tells what is wrong with a startup packet: %s', async (_what, packet, state) => {
    expect((await exchange(scene.gateway.port, packet)).includes(`C${state}\0`)).toBe(true);
  });

  it('lets replication connections through', async () => {
    const client = await open(() => {}, { replication: 'database' } as object);
    const { rows } = await client.query('IDENTIFY_SYSTEM');
    expect(rows[0]).toMatchObject({ dbname: scene.database });
    await client.end();
  });

  it('closes who does not say who he is, and is not disturbed by anybody', async () => {
    const other = await scene.connect();
    await exchange(scene.gateway.port, Buffer.from([0, 0]));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.uint8Array({ maxLength: 60 }).map((bytes) => {
            const packet = Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 3, 0, 0]), bytes]);
            packet.writeInt32BE(packet.length);
            return packet;
          }),
          fc
            .uint8Array({ maxLength: 30 })
            .map((bytes) =>
              Buffer.concat([startup(version3, { user: 'postgres' }), Buffer.from('p'), bytes]),
            ),
        ),
        async (bytes) => {
          await exchange(scene.gateway.port, Buffer.from(bytes), true);
        },
      ),
      { numRuns: 150 },
    );
    expect(await markOf(other)).toBe('main');
  });

  it('has room for so many, and says so', async () => {
    const held = await Promise.all(Array.from({ length: 40 }, () => stateOf(scene.connect())));
    expect(held.filter((state) => state === '53300').length).toBeGreaterThan(8);
    expect(held.filter((state) => state === 'none').length).toBeGreaterThan(10);
  });
});

describe('the gateway’s own port', () => {
  const [server] = testServers();
  it('is on loopback alone, and is one gateway’s', async () => {
    if (!server) return;
    const scene = await startScene(server, { stopWaitMs: 200 });
    const routes = {
      database: 'x',
      find: () => Promise.reject(new Error('none')),
      watch: () => () => {},
      used: () => {},
    };
    const options = { user: 'postgres', password: 'x' };
    await failure(startGateway(routes, { ...options, port: scene.gateway.port }), 'PORT_TAKEN');
    await failure(startGateway(routes, { ...options, host: '0.0.0.0', port: 0 }), 'USAGE');
    await failure(
      startGateway(routes, { ...options, port: 0, tls: { key: 'x', cert: 'y' } }),
      'USAGE',
    );
    expect(decodeURIComponent(new URL(scene.gateway.url).password)).toBe(gatewayPassword);
    const [idle, busy] = [await scene.connect(), await scene.connect()];
    const told = new Promise<unknown>((resolve) => idle.on('error', resolve));
    const running = stateOf(busy.query('SELECT pg_sleep(20)'));
    await vi.waitFor(() =>
      expect(scene.gateway.connections().some((each) => !each.idle)).toBe(true),
    );
    await scene.gateway.close();
    expect(await told).toMatchObject({ code: '57P01' });
    expect(await running).toBe('57P01');
    expect(await stateOf(scene.connect())).toBe('ECONNREFUSED');
    await scene.remove();
  });

  it('reaches servers that want TLS and cleartext passwords', async () => {
    if (!server) return;
    const files = await makeCertificates(await makeServerFolder());
    const own = await startThrowawayServer({
      major: server.major,
      settings: {
        ssl: 'on',
        ssl_cert_file: files.serverCertFile,
        ssl_key_file: files.serverKeyFile,
      },
    });
    const scene = await startScene(own);
    try {
      scene.overrides.set('main', {
        hosts: [{ host: 'localhost', address: '127.0.0.1', port: own.port }],
        ssl: { mode: 'verify-full', rootCertFile: files.rootCertFile },
      });
      const client = await scene.connect();
      const { rows } = await client.query(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      expect(rows).toEqual([{ ssl: true }]);
      scene.overrides.set('main', {
        hosts: [{ host: 'localhost', address: '127.0.0.1', port: own.port }],
        ssl: { mode: 'verify-full', rootCertFile: files.otherRootCertFile },
      });
      expect(await stateOf(scene.connect())).toBe('28000');
      const file = join(own.dataDir, 'pg_hba.conf');
      const rules = ['md5', 'password'].map((way) => `host all by_${way} all ${way}`);
      writeFileSync(file, `${rules.join('\n')}\n${readFileSync(file, 'utf8')}`);
      await withSession(own.adminUrl, async (admin) => {
        await admin.query(`SET password_encryption = 'md5'`);
        await admin.query(`CREATE ROLE by_md5 LOGIN SUPERUSER PASSWORD 'm d 5'`);
        await admin.query(`CREATE ROLE by_password LOGIN SUPERUSER PASSWORD 'p w'`);
        await admin.query('SELECT pg_reload_conf()');
      });
      for (const [user, password] of [
        ['by_md5', 'm d 5'],
        ['by_password', 'p w'],
      ] as const) {
        scene.overrides.set('main', { user, password });
        await vi.waitFor(async () => expect(await markOf(await scene.connect())).toBe('main'));
        scene.overrides.delete('main');
        const url = new URL(scene.url());
        url.username = user;
        url.password = password;
        const client = new Client({ connectionString: url.href });
        client.on('error', () => {});
        await client.connect();
        expect((await client.query('SELECT current_user AS u')).rows).toEqual([{ u: user }]);
        await client.end();
      }
    } finally {
      await scene.remove();
      await own.remove();
    }
  });
});
