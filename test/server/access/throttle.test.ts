import { describe, expect, it } from 'vitest';
import { BelayError } from '../../../src/errors.js';
import type { Access, Credentials } from '../../../src/server/access/access.js';
import { newToken } from '../../../src/server/access/token-text.js';
import { failure } from '../../support/failure.js';
import { testServers, withSession } from '../../support/servers.js';
import { password, useAccess } from './scene.js';

/** Tries until it is refused without a look; each refusal blocks for longer, so that a slow machine gets there too. */
async function tryUntilThrottled(attempt: (index: number) => Promise<unknown>): Promise<number> {
  for (let index = 0; index < 60; index += 1) {
    const error: unknown = await attempt(index).catch((thrown: unknown) => thrown);
    if (error instanceof BelayError && error.code === 'THROTTLED') {
      expect(error.details.retryAfterSeconds).toBeGreaterThan(0);
      return index;
    }
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
  }
  throw new Error('60 wrong tries were all looked at');
}

describe.each(testServers())('guessing on $name', (server) => {
  const scene = useAccess(server);
  const run = (sql: string) => withSession(scene.url, (client) => client.query(sql));
  /** As if the time had passed. */
  const passBlocks = () =>
    run(`UPDATE belay_server.sign_in_attempts SET blocked_until = '-infinity'`);
  const either = (index: number): Access => (index % 2 === 0 ? scene.access : scene.other);

  it('a password is slowed down by name, across servers and addresses', async () => {
    await scene.access.createPerson({ name: 'ada', password, scopes: ['admin'] });
    await scene.access.createPerson({ name: 'grace', password, scopes: ['admin'] });
    const looked = await tryUntilThrottled((index) =>
      either(index).signIn({ name: 'Ada', password: `wrong ${index}` }, `192.0.2.${index}`),
    );
    expect(looked).toBeGreaterThanOrEqual(5);
    // The right one does not get through either, and elsewhere nothing is slower.
    await run(
      `UPDATE belay_server.sign_in_attempts SET blocked_until = clock_timestamp() + interval '5 minutes' WHERE blocked_until > '-infinity'`,
    );
    const { details, hint } = await failure(
      scene.other.signIn({ name: 'ADA', password }, '198.51.100.1'),
      'THROTTLED',
    );
    expect(details.retryAfterSeconds).toBeGreaterThan(200);
    expect(hint).toContain('Wait');
    await scene.access.signIn({ name: 'grace', password }, '198.51.100.1');
    await passBlocks();
    await scene.access.signIn({ name: 'ada', password }, '198.51.100.1');
    // And begins anew afterwards.
    await failure(
      scene.access.signIn({ name: 'ada', password: 'wrong' }, '198.51.100.1'),
      'UNAUTHENTICATED',
    );
    await scene.access.signIn({ name: 'ada', password }, '198.51.100.1');
  });

  it.each<[string, string, () => Credentials]>([
    ['tokens', '192.0.2.100', () => ({ token: newToken().token })],
    ['what is not even a token', '192.0.2.101', () => ({ token: 'x' })],
    ['codes', '192.0.2.102', () => ({ code: 'x'.repeat(43) })],
  ])('%s is slowed down by address', async (_what, source, credentials) => {
    const looked = await tryUntilThrottled((index) => either(index).signIn(credentials(), source));
    expect(looked).toBeGreaterThanOrEqual(20);
    const { token } = await scene.access.createToken({ scopes: ['read'] });
    await run(
      `UPDATE belay_server.sign_in_attempts SET blocked_until = clock_timestamp() + interval '5 minutes' WHERE key = 'source:${source}'`,
    );
    await failure(scene.access.signIn({ token }, source), 'THROTTLED');
    await failure(scene.access.signIn({ token }, `::ffff:${source}`), 'THROTTLED');
    await scene.access.signIn({ token }, '192.0.2.103');
  });

  it('many at once do not pass the same gap', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) =>
        either(index).signIn({ token: newToken().token }, '192.0.2.110'),
      ),
    );
    const codes = tries.map((one) => (one.status === 'rejected' ? one.reason.code : 'in'));
    expect(codes.filter((code) => code === 'UNAUTHENTICATED').length).toBeLessThan(35);
    expect(codes.filter((code) => code === 'THROTTLED').length).toBeGreaterThan(25);
  });

  it('from a whole IPv6 network counts as one', async () => {
    await tryUntilThrottled((index) =>
      either(index).signIn({ token: 'x' }, `2001:db8:1:2::${index + 1}`),
    );
    const { rows } = await run(
      `SELECT key FROM belay_server.sign_in_attempts WHERE key LIKE 'source:20010db8%'`,
    );
    expect(rows).toEqual([{ key: 'source:20010db800010002/64' }]);
  });

  it('is forgotten after an hour without a try', async () => {
    await tryUntilThrottled(() => scene.access.signIn({ token: 'x' }, '192.0.2.120'));
    await run(
      `UPDATE belay_server.sign_in_attempts SET last_at = last_at - interval '61 minutes', blocked_until = '-infinity'`,
    );
    await failure(scene.access.signIn({ token: 'x' }, '192.0.2.120'), 'UNAUTHENTICATED');
    const { rows } = await run(
      `SELECT failures FROM belay_server.sign_in_attempts WHERE key = 'source:192.0.2.120'`,
    );
    expect(rows).toEqual([{ failures: 1 }]);
  });

  it('does not lock out whoever signs in rightly again and again', async () => {
    const { token } = await scene.access.createToken({ scopes: ['read'] });
    for (let index = 0; index < 40; index += 1) {
      await either(index).signIn({ token }, '192.0.2.130');
    }
  });

  it('leaves no name behind: people type passwords into the wrong field', async () => {
    const slip = 'my secret password';
    await failure(
      scene.access.signIn({ name: slip, password: 'x' }, '192.0.2.140'),
      'UNAUTHENTICATED',
    );
    const { rows } = await run('SELECT key FROM belay_server.sign_in_attempts');
    expect(JSON.stringify(rows)).not.toContain(slip);
  });

  it('names takes as long for those that there are as for those that there are not', async () => {
    await scene.access.createPerson({ name: 'timed', password, scopes: ['read'] });
    const cpuOf = async (name: string) => {
      await passBlocks();
      const before = process.cpuUsage();
      await failure(
        scene.access.signIn({ name, password: 'wrong' }, '192.0.2.150'),
        'UNAUTHENTICATED',
      );
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    // Work done, not time passed: other programs on the machine do not count.
    const there = Math.min(await cpuOf('timed'), await cpuOf('timed'), await cpuOf('timed'));
    const gone = Math.min(await cpuOf('absent'), await cpuOf('absent'), await cpuOf('absent'));
    expect(gone).toBeGreaterThan(there / 3);
    expect(there).toBeGreaterThan(gone / 3);
  });

  it.each(['', '\0', 'a\0b', '\ud800', 'a'.repeat(10_000), "' OR 1=1 --"])(
    'with the name %j is only wrong',
    async (name) => {
      await passBlocks();
      await failure(scene.access.signIn({ name, password: 'x' }, '192.0.2.160'), 'UNAUTHENTICATED');
    },
  );

  it.each(['', '\0', 'a'.repeat(1_000_000), '\ud800'])(
    'with a strange password is only wrong',
    async (wrong) => {
      await passBlocks();
      await failure(
        scene.access.signIn({ name: 'someone', password: wrong }, '192.0.2.170'),
        'UNAUTHENTICATED',
      );
    },
  );
});
