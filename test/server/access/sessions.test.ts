import { describe, expect, it, vi } from 'vitest';
import { failure } from '../../support/failure.js';
import { testServers, withSession } from '../../support/servers.js';
import { password, useAccess } from './scene.js';

const soon = { timeout: 30_000, interval: 50 };

describe.each(testServers())('sessions on $name', (server) => {
  const scene = useAccess(server);
  const run = (sql: string) => withSession(scene.url, (client) => client.query(sql));

  it('are new at every sign-in, and known by every server', async () => {
    await scene.access.createPerson({ name: 'ada', password, scopes: ['admin'] });
    const one = await scene.access.signIn({ name: 'ada', password }, '192.0.2.1');
    const two = await scene.access.signIn({ name: 'ada', password }, '192.0.2.1');
    expect(one.secret).not.toBe(two.secret);
    expect(one.csrf).not.toBe(two.csrf);
    const { secret, ...session } = one;
    expect(await scene.other.sessionOf(secret)).toEqual(session);
    expect(session.caller).toMatchObject({ kind: 'person', name: 'ada', scopes: ['admin'] });
    const leftMs = Date.parse(session.expiresAt) - Date.now();
    expect(leftMs).toBeGreaterThan(11 * 3_600_000);
    expect(leftMs).toBeLessThan(13 * 3_600_000);
  });

  it('are kept as a hash alone', async () => {
    const { token } = await scene.access.createToken({ scopes: ['read'] });
    const { secret, csrf } = await scene.access.signIn({ token }, '192.0.2.1');
    const { rows } = await run(
      `SELECT s::text AS row, encode(secret_hash, 'escape') AS hash FROM belay_server.sessions s`,
    );
    expect(JSON.stringify(rows)).not.toContain(secret);
    expect(JSON.stringify(rows)).not.toContain(csrf);
  });

  it('end when one signs out, on all servers', async () => {
    const { token } = await scene.access.createToken({ scopes: ['read'] });
    const { secret } = await scene.access.signIn({ token }, '192.0.2.1');
    expect(await scene.other.sessionOf(secret)).toBeDefined();
    await scene.access.signOut(secret);
    expect(await scene.access.sessionOf(secret)).toBeUndefined();
    await vi.waitFor(async () => expect(await scene.other.sessionOf(secret)).toBeUndefined(), soon);
    await scene.access.signOut(secret);
  });

  it('of a token have its rights, end with it, and last no longer', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const order = { name: 'short', scopes: ['read'], databases: ['shop'], expiresAt } as const;
    const { token, record } = await scene.access.createToken(order);
    const session = await scene.access.signIn({ token }, '192.0.2.1');
    expect(session.expiresAt).toBe(record.expiresAt);
    expect(await scene.other.sessionOf(session.secret)).toMatchObject({
      caller: {
        kind: 'token',
        id: record.id,
        name: 'short',
        scopes: ['read'],
        databases: ['shop'],
      },
    });
    await scene.access.revokeToken(record.id);
    expect(await scene.access.sessionOf(session.secret)).toBeUndefined();
    await vi.waitFor(async () => {
      expect(await scene.other.sessionOf(session.secret)).toBeUndefined();
    }, soon);
    await failure(scene.access.signIn({ token }, '192.0.2.1'), 'UNAUTHENTICATED');
  });

  it('end after half a day, and where nobody has used them for two hours', async () => {
    const { token } = await scene.access.createToken({ scopes: ['read'] });
    const old = await scene.access.signIn({ token }, '192.0.2.1');
    await run(
      `UPDATE belay_server.sessions SET expires_at = clock_timestamp() - interval '1 second'`,
    );
    expect(await scene.access.sessionOf(old.secret)).toBeUndefined();
    const idle = await scene.access.signIn({ token }, '192.0.2.1');
    await run(`UPDATE belay_server.sessions SET seen_at = seen_at - interval '119 minutes'`);
    expect(await scene.access.sessionOf(idle.secret)).toBeDefined();
    // Having been seen just now, it would last two hours more.
    await run(`UPDATE belay_server.sessions SET seen_at = seen_at - interval '119 minutes'`);
    expect(await scene.other.sessionOf(idle.secret)).toBeDefined();
    await run(`UPDATE belay_server.sessions SET seen_at = seen_at - interval '121 minutes'`);
    await vi.waitFor(async () => {
      expect(await scene.access.sessionOf(idle.secret)).toBeUndefined();
    }, soon);
    // What is over is cleaned away by the next sign-in.
    await scene.access.signIn({ token }, '192.0.2.1');
    await vi.waitFor(async () => {
      const { rows } = await run(
        `SELECT FROM belay_server.sessions WHERE seen_at < clock_timestamp() - interval '2 hours' OR expires_at < clock_timestamp()`,
      );
      expect(rows).toEqual([]);
    }, soon);
  });

  it.each(['', 'x', 'a'.repeat(43), `${'a'.repeat(42)}\0`, '😀'.repeat(1_000)])(
    'are not known by %j',
    async (secret) => {
      expect(await scene.access.sessionOf(secret)).toBeUndefined();
    },
  );

  it('begin by a code that is good once', async () => {
    const code = await scene.access.createSignInCode();
    const tries = await Promise.allSettled(
      [scene.access, scene.other, scene.access, scene.other].map((access) =>
        access.signIn({ code }, '192.0.2.2'),
      ),
    );
    const good = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(good).toHaveLength(1);
    expect(await scene.other.sessionOf(good[0]?.secret ?? '')).toMatchObject({
      caller: { kind: 'person', scopes: ['admin'], databases: null },
    });
    await failure(scene.access.signIn({ code }, '192.0.2.2'), 'UNAUTHENTICATED');
  });

  it('do not begin by a code that is too old, or is none', async () => {
    const code = await scene.access.createSignInCode();
    await run(
      `UPDATE belay_server.sign_in_codes SET expires_at = expires_at - interval '10 minutes'`,
    );
    await failure(scene.access.signIn({ code }, '192.0.2.3'), 'UNAUTHENTICATED');
    await failure(scene.access.signIn({ code: '' }, '192.0.2.3'), 'UNAUTHENTICATED');
    await failure(scene.access.signIn({ code: 'x\0' }, '192.0.2.3'), 'UNAUTHENTICATED');
  });
});
