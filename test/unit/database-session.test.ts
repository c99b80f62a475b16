import { describe, expect, it } from 'vitest';
import {
  adviceOnSessions,
  type DatabaseSession,
  describePrepared,
  describeSession,
  isIdle,
} from '../../src/domain/database-session.js';

const session = (changes: Partial<DatabaseSession> = {}): DatabaseSession => ({
  pid: 4711,
  user: 'web',
  application: 'shop-api',
  client: '10.0.0.7',
  backendType: 'client backend',
  state: 'idle',
  ageMs: 5000,
  mayEnd: true,
  ...changes,
});

describe('isIdle', () => {
  it('is only a client that waits outside of a transaction', () => {
    expect(isIdle(session())).toBe(true);
  });

  it.each([
    ['at work', { state: 'active' }],
    ['in a transaction', { state: 'idle in transaction' }],
    ['in a failed transaction', { state: 'idle in transaction (aborted)' }],
    ['not visible', { state: null }],
    ['a background worker', { backendType: 'pg_cron launcher', state: null }],
    ['a worker that says idle', { backendType: 'logical replication worker' }],
    ['a stream', { backendType: 'walsender', state: 'active' }],
  ])('%s is not idle', (_what, changes) => {
    expect(isIdle(session(changes))).toBe(false);
  });
});

describe('describeSession', () => {
  it.each([
    [{}, 'pid 4711 (user web, application "shop-api", from 10.0.0.7, idle for 5 s)'],
    [
      { state: 'idle in transaction', client: null, ageMs: 200_000 },
      'pid 4711 (user web, application "shop-api", idle in transaction for 3 min)',
    ],
    [
      { application: '', client: null, state: 'active', ageMs: 119_000 },
      'pid 4711 (user web, active for 119 s)',
    ],
    [
      { backendType: 'walsender', application: 'sub', client: null, ageMs: 4 * 3_600_000 },
      'pid 4711 (user web, application "sub", streaming from a logical slot for 4 h)',
    ],
    [
      {
        backendType: 'logical replication apply worker',
        user: null,
        application: '',
        client: null,
      },
      'pid 4711 (logical replication apply worker of a subscription for 5 s)',
    ],
    [
      { backendType: 'pg_cron', user: 'postgres', application: '', client: null, state: null },
      'pid 4711 (user postgres, pg_cron, running for 5 s)',
    ],
  ])('%j', (changes, text) => {
    expect(describeSession(session(changes))).toBe(text);
  });

  it('does not guess what the role may not see', () => {
    const hidden = session({ state: null, client: null, ageMs: null });
    expect(describeSession(hidden)).toBe(
      'pid 4711 (user web, application "shop-api", state not visible to this role)',
    );
  });
});

describe('describePrepared', () => {
  it('names the transaction, its owner and its age', () => {
    const text = describePrepared({ gid: 'tx-1', owner: 'web', ageMs: 60_000 });
    expect(text).toBe('"tx-1" (owner web, prepared 60 s ago)');
  });
});

describe('adviceOnSessions', () => {
  it('is to close or terminate what can be ended', () => {
    expect(adviceOnSessions([session()], 'wait', 'team')).toContain('--sessions terminate');
    expect(adviceOnSessions([session()], 'terminate', 'team')).toContain('came back');
  });

  it.each(['wait', 'terminate', 'fail'] as const)(
    '%s: names the right that is missing',
    (policy) => {
      const foreign = session({ mayEnd: false, state: null, ageMs: null });
      const advice = adviceOnSessions(
        [session({ user: 'team' }), foreign, foreign],
        policy,
        'team',
      );
      expect(advice).toContain('Role "team" may not end those of web:');
      expect(advice).toContain('GRANT pg_signal_backend TO team');
    },
  );
});
