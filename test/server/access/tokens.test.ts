import { describe, expect, it, vi } from 'vitest';
import type { NewToken } from '../../../src/server/access/access.js';
import { failure } from '../../support/failure.js';
import { testServers, withSession } from '../../support/servers.js';
import { useAccess } from './scene.js';

const soon = { timeout: 30_000, interval: 50 };
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe.each(testServers())('tokens on $name', (server) => {
  const scene = useAccess(server);

  it('are known by every server, with what they may do', async () => {
    const order = { name: 'deploy', scopes: ['checkpoint'], databases: ['shop', 'shop'] } as const;
    const { token, record } = await scene.access.createToken(order);
    expect(record).toMatchObject({
      ...{ name: 'deploy', kind: 'token', scopes: ['checkpoint'], databases: ['shop'] },
      ...{ expiresAt: null, lastUsedAt: null, revokedAt: null },
    });
    const caller = {
      ...{ kind: 'token', id: record.id, name: 'deploy' },
      ...{ scopes: ['checkpoint'], databases: ['shop'] },
    };
    expect(await scene.access.callerOfToken(token)).toEqual(caller);
    expect(await scene.other.callerOfToken(token)).toEqual(caller);
    expect(await scene.access.listTokens()).toContainEqual(
      expect.objectContaining({ id: record.id }),
    );
  });

  it('are kept as a hash alone', async () => {
    const { token } = await scene.access.createToken({ scopes: ['read'] });
    const rows = await withSession(scene.url, (client) =>
      client.query(
        `SELECT t::text AS row, encode(secret_hash, 'escape') AS hash FROM belay_server.tokens t`,
      ),
    );
    const kept = JSON.stringify(rows.rows);
    expect(kept).not.toContain(token.slice(16, 59));
    expect(JSON.stringify(await scene.access.listTokens())).not.toContain(token.slice(16, 59));
  });

  it('of another, with a changed secret, are none', async () => {
    const [one, other] = await Promise.all(
      ['one', 'other'].map((name) => scene.access.createToken({ name, scopes: ['admin'] })),
    );
    const { newToken } = await import('../../../src/server/access/token-text.js');
    const { crc32 } = await import('node:zlib');
    const id = one?.token.slice(0, 16) ?? '';
    const secret = other?.token.slice(16, 59) ?? '';
    // The right checksum: what is refused here is refused for its hash.
    const forged = `${id}${secret}${crc32(id + secret)
      .toString(36)
      .padStart(7, '0')}`;
    expect(await scene.access.callerOfToken(forged)).toBeUndefined();
    expect(await scene.access.callerOfToken(newToken().token)).toBeUndefined();
    expect(await scene.access.callerOfToken(`${id}`)).toBeUndefined();
    expect(await scene.access.callerOfToken('')).toBeUndefined();
    expect(await scene.access.callerOfToken(one?.token ?? '')).toBeDefined();
  });

  it('that are revoked stop on all servers within seconds, and stay in the list', async () => {
    const { token, record } = await scene.access.createToken({ scopes: ['read'] });
    expect(await scene.other.callerOfToken(token)).toBeDefined();
    const revoked = await scene.access.revokeToken(record.id);
    expect(revoked.revokedAt).not.toBeNull();
    expect(await scene.access.callerOfToken(token)).toBeUndefined();
    await vi.waitFor(async () => {
      expect(await scene.other.callerOfToken(token)).toBeUndefined();
    }, soon);
    const again = await scene.other.revokeToken(record.id);
    expect(again.revokedAt).toBe(revoked.revokedAt);
    expect(await scene.access.listTokens()).toContainEqual(again);
  });

  it('that are revoked by hand stop too, without a notice', async () => {
    const { token, record } = await scene.access.createToken({ scopes: ['read'] });
    expect(await scene.access.callerOfToken(token)).toBeDefined();
    await withSession(scene.url, (client) =>
      client.query('UPDATE belay_server.tokens SET revoked_at = now() WHERE id = $1', [record.id]),
    );
    await vi.waitFor(async () => {
      expect(await scene.access.callerOfToken(token)).toBeUndefined();
    }, soon);
  });

  it('expire by the clock of the catalog', async () => {
    const { token, record } = await scene.access.createToken({
      ...{ scopes: ['read'], expiresAt: inAnHour() },
    });
    expect(await scene.access.callerOfToken(token)).toBeDefined();
    await withSession(scene.url, (client) =>
      client.query('UPDATE belay_server.tokens SET expires_at = now() WHERE id = $1', [record.id]),
    );
    await vi.waitFor(async () => {
      expect(await scene.access.callerOfToken(token)).toBeUndefined();
    }, soon);
    await failure(scene.access.signIn({ token }, '192.0.2.40'), 'UNAUTHENTICATED');
  });

  it('are noted as used, at most once a minute', async () => {
    const { token, record } = await scene.access.createToken({ scopes: ['read'] });
    const lastUsed = async () =>
      (await scene.access.listTokens()).find(({ id }) => id === record.id)?.lastUsedAt;
    await scene.access.callerOfToken(token);
    await vi.waitFor(async () => expect(await lastUsed()).not.toBeNull(), soon);
    const first = await lastUsed();
    await scene.other.callerOfToken(token);
    await scene.other.close();
    // Closing waits for what was to be noted.
    expect(await lastUsed()).toBe(first);
  });

  it.each<[string, NewToken, string]>([
    ['no scope', { scopes: [] }, 'USAGE'],
    ['an unknown scope', { scopes: ['root' as 'read'] }, 'USAGE'],
    ['no database', { scopes: ['read'], databases: [] }, 'USAGE'],
    ['no name of a database', { scopes: ['read'], databases: ['a b'] }, 'BAD_NAME'],
    ['a NUL in the database', { scopes: ['read'], databases: ['a\0'] }, 'BAD_NAME'],
    ['an empty name', { name: ' ', scopes: ['read'] }, 'USAGE'],
    ['a NUL in the name', { name: 'a\0b', scopes: ['read'] }, 'USAGE'],
    ['a line break in the name', { name: 'a\nb', scopes: ['read'] }, 'USAGE'],
    ['half a character in the name', { name: 'a\ud800', scopes: ['read'] }, 'USAGE'],
    ['a name that turns the text round', { name: 'a\u202eb', scopes: ['read'] }, 'USAGE'],
    ['a long name', { name: 'a'.repeat(101), scopes: ['read'] }, 'USAGE'],
    ['a time that is over', { scopes: ['read'], expiresAt: '2001-01-01T00:00:00Z' }, 'BAD_TIME'],
    ['no time', { scopes: ['read'], expiresAt: 'tomorrow' }, 'BAD_TIME'],
    ['an agent with a scope', { kind: 'agent', scopes: ['read'], databases: ['a'] }, 'USAGE'],
    ['an agent of everything', { kind: 'agent', scopes: [] }, 'USAGE'],
  ])('are not made with %s', async (_what, order, code) => {
    await failure(scene.access.createToken(order), code as 'USAGE');
  });

  it.each([
    '',
    'tok_',
    'tok_000000000000',
    'tok_\0',
    "'; DROP TABLE tokens; --",
    '😀'.repeat(5_000),
  ])('are not revoked by %j', async (id) => {
    await failure(scene.access.revokeToken(id), 'TOKEN_NOT_FOUND');
  });

  it('of agents have no rights, and do not sign in', async () => {
    const { token, record } = await scene.access.createToken({
      ...{ kind: 'agent', scopes: [], databases: ['shop'] },
    });
    expect(await scene.access.callerOfToken(token)).toEqual({
      ...{ kind: 'agent', id: record.id, name: 'agent', scopes: [], databases: ['shop'] },
    });
    await failure(scene.access.signIn({ token }, '192.0.2.41'), 'UNAUTHENTICATED');
  });
});

describe('whether anybody is set up', () => {
  const [server] = testServers();
  if (server === undefined) throw new Error('no server to test on');
  const scene = useAccess(server);

  it('is told by good tokens and people, not by agents', async () => {
    expect(await scene.access.hasAnyCredential()).toBe(false);
    await scene.access.createToken({ kind: 'agent', scopes: [], databases: ['shop'] });
    expect(await scene.access.hasAnyCredential()).toBe(false);
    const { record } = await scene.access.createToken({ scopes: ['read'] });
    expect(await scene.access.hasAnyCredential()).toBe(true);
    await scene.access.revokeToken(record.id);
    expect(await scene.access.hasAnyCredential()).toBe(false);
    const order = { name: 'Ada', password: 'correct horse battery', scopes: ['admin'] } as const;
    const { id } = await scene.access.createPerson(order);
    expect(await scene.access.hasAnyCredential()).toBe(true);
    await scene.access.removePerson(id);
    expect(await scene.access.hasAnyCredential()).toBe(false);
  });
});
