import { describe, expect, it } from 'vitest';
import type { NewPerson } from '../../../src/server/access/access.js';
import { failure } from '../../support/failure.js';
import { testServers, withSession } from '../../support/servers.js';
import { password, useAccess } from './scene.js';

describe.each(testServers())('people on $name', (server) => {
  const scene = useAccess(server);

  it('sign in by name and password, however the name is written', async () => {
    const order = {
      name: ' Ada Lovelace ',
      password,
      scopes: ['restore'],
      databases: ['shop'],
    } as const;
    const person = await scene.access.createPerson(order);
    expect(person).toMatchObject({
      name: 'Ada Lovelace',
      scopes: ['restore'],
      databases: ['shop'],
    });
    for (const name of ['Ada Lovelace', 'ada lovelace', ' ADA LOVELACE']) {
      const { caller } = await scene.other.signIn({ name, password }, '192.0.2.1');
      expect(caller).toEqual({
        ...{ kind: 'person', id: person.id, name: 'Ada Lovelace' },
        ...{ scopes: ['restore'], databases: ['shop'] },
      });
    }
    expect(await scene.access.listPeople()).toEqual([person]);
  });

  it('have a password however its letters were typed', async () => {
    const composed = 'r\u00e9sum\u00e9 r\u00e9sum\u00e9';
    await scene.access.createPerson({ name: 'composed', password: composed, scopes: ['read'] });
    const typed = composed.normalize('NFD');
    expect(typed).not.toBe(composed);
    await scene.access.signIn({ name: 'composed', password: typed }, '192.0.2.2');
  });

  it('are unique by name, also where two are added at once', async () => {
    const names = ['Grace', 'grace', 'GRACE', 'gr\uff41ce'];
    const made = await Promise.allSettled(
      names.map((name) => scene.access.createPerson({ name, password, scopes: ['read'] })),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of made) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'PERSON_EXISTS' });
    }
  });

  it('have a hash of their own, whose parameters are kept', async () => {
    await scene.access.createPerson({ name: 'one', password, scopes: ['read'] });
    await scene.access.createPerson({ name: 'two', password, scopes: ['read'] });
    const { rows } = await withSession(scene.url, (client) =>
      client.query(`SELECT password FROM belay_server.people WHERE name_key IN ('one', 'two')`),
    );
    const [one, two] = rows.map((row) => row.password as string);
    expect(one).toMatch(/^scrypt\$15\$8\$3\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}$/);
    expect(one).not.toBe(two);
  });

  it('get a stronger hash at the next sign-in where theirs is of an older time', async () => {
    const { scryptSync } = await import('node:crypto');
    const salt = Buffer.from('0123456789abcdef');
    const hash = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
    const old = `scrypt$14$8$1$${salt.toString('base64')}$${hash.toString('base64')}`;
    const { id } = await scene.access.createPerson({ name: 'old', password, scopes: ['read'] });
    await withSession(scene.url, (client) =>
      client.query('UPDATE belay_server.people SET password = $2 WHERE id = $1', [id, old]),
    );
    await scene.access.signIn({ name: 'old', password }, '192.0.2.3');
    const { rows } = await withSession(scene.url, (client) =>
      client.query('SELECT password FROM belay_server.people WHERE id = $1', [id]),
    );
    expect(rows[0]?.password).toMatch(/^scrypt\$15\$8\$3\$/);
    await scene.access.signIn({ name: 'old', password }, '192.0.2.3');
  });

  it('lose their sessions when their password is set anew, or when they are removed', async () => {
    const { id } = await scene.access.createPerson({ name: 'leaver', password, scopes: ['read'] });
    const before = await scene.access.signIn({ name: 'leaver', password }, '192.0.2.4');
    expect(await scene.access.sessionOf(before.secret)).toBeDefined();
    await scene.access.setPassword(id, 'another horse battery');
    expect(await scene.access.sessionOf(before.secret)).toBeUndefined();
    await failure(
      scene.access.signIn({ name: 'leaver', password }, '192.0.2.4'),
      'UNAUTHENTICATED',
    );
    const credentials = { name: 'leaver', password: 'another horse battery' };
    const after = await scene.access.signIn(credentials, '192.0.2.4');
    await scene.access.removePerson(id);
    expect(await scene.access.sessionOf(after.secret)).toBeUndefined();
    await failure(scene.access.signIn(credentials, '192.0.2.4'), 'UNAUTHENTICATED');
    await failure(scene.access.removePerson(id), 'PERSON_NOT_FOUND');
    await failure(scene.access.setPassword(id, password), 'PERSON_NOT_FOUND');
  });

  it.each<[string, Partial<NewPerson>]>([
    ['a short password', { password: '11 letters!' }],
    ['a long password', { password: 'é'.repeat(513) }],
    ['no scope', { scopes: [] }],
    ['no name', { name: '' }],
    ['a NUL in the name', { name: 'a\0' }],
    ['a name that cannot be seen', { name: '\u200b' }],
    ['a long name', { name: 'a'.repeat(65) }],
    ['no database', { databases: [] }],
  ])('are not added with %s', async (_what, change) => {
    const order: NewPerson = { name: 'nobody', password, scopes: ['read'], ...change };
    await failure(scene.access.createPerson(order), 'USAGE');
  });

  it.each(['', 'per_000000000000', 'per_\0', 'ada'])('are not found by the id %j', async (id) => {
    await failure(scene.access.removePerson(id), 'PERSON_NOT_FOUND');
    await failure(scene.access.setPassword(id, password), 'PERSON_NOT_FOUND');
  });
});
