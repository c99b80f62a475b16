import { Session } from '../../src/postgres/session.js';
import { resolveConnection } from '../../src/postgres/settings.js';

/** A session of Belay's own on a test database. Close it. */
export async function openSession(url: string): Promise<Session> {
  return Session.open(await resolveConnection({ url, env: {} }), { applicationName: 'belay-test' });
}
