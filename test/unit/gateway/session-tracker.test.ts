import { describe, expect, it } from 'vitest';
import {
  backend,
  cString,
  frontend,
  message,
  readyForQuery,
} from '../../../src/gateway/protocol.js';
import { SessionTracker } from '../../../src/gateway/session-tracker.js';

const [idle, open] = ['I'.charCodeAt(0), 'T'.charCodeAt(0)];
const query = (sql: string) => message(frontend.query, cString(sql));
const parse = (name: string, sql: string) =>
  message(frontend.parse, cString(name), cString(sql), Buffer.from([0, 0]));
const sync = message(frontend.sync);
const bind = message(frontend.bind, Buffer.alloc(8));
const execute = message(frontend.execute, Buffer.alloc(5));
const error = message(backend.error, Buffer.from([0]));
const parsed = message(backend.parseComplete);

function said(...client: Buffer[]): SessionTracker {
  const tracker = new SessionTracker();
  for (const each of client) tracker.client.read(each);
  return tracker;
}

describe('whether a session is idle', () => {
  it('is not before the last answer, however many requests were sent at once', () => {
    const tracker = said(query('SELECT 1'), parse('', 'SELECT 2'), bind, execute, sync);
    expect(tracker.isIdle).toBe(false);
    tracker.server.read(readyForQuery(idle));
    expect(tracker.isIdle).toBe(false);
    tracker.server.read(readyForQuery(idle));
    expect(tracker.isIdle).toBe(true);
  });

  it('is not in the middle of a message, nor before a Sync', () => {
    expect(said(query('SELECT 1').subarray(0, 1)).isIdle).toBe(false);
    expect(said(parse('', 'SELECT 1')).isIdle).toBe(false);
    const tracker = new SessionTracker();
    tracker.server.read(Buffer.from([backend.dataRow]));
    expect(tracker.isIdle).toBe(false);
  });

  it('is not in a transaction, which can end while its next statement has not come', () => {
    const tracker = said(query('BEGIN'));
    expect(tracker.waitsInTransaction).toBe(false);
    tracker.server.read(readyForQuery(open));
    expect([tracker.isIdle, tracker.waitsInTransaction]).toEqual([false, true]);
  });

  it('knows that a server passes over the Sync that came with a COPY', () => {
    const tracker = said(parse('', 'COPY t FROM STDIN'), bind, execute, sync);
    tracker.server.read(parsed);
    tracker.server.read(message(backend.copyIn, Buffer.alloc(3)));
    tracker.client.read(message(frontend.copyData, Buffer.from('1\n')));
    tracker.client.read(message(frontend.copyDone));
    tracker.client.read(sync);
    expect(tracker.isIdle).toBe(false);
    tracker.server.read(readyForQuery(idle));
    expect(tracker.isIdle).toBe(true);
  });

  it('lets what belongs to a request go on while new ones wait', () => {
    const tracker = said(parse('', 'SELECT 1'));
    tracker.isHolding = true;
    const rest = Buffer.concat([bind, execute, sync, query('SELECT 2')]);
    expect(tracker.client.read(rest)).toBe(bind.length + execute.length + sync.length);
    expect(tracker.client.read(message(frontend.terminate))).toBe(5);
  });
});

describe('what a session remembers', () => {
  it('keeps a statement only when the server has it', () => {
    const tracker = said(parse('good', 'SELECT 1'), sync, parse('bad', 'SELEC 1'), sync);
    for (const each of [parsed, readyForQuery(idle), error, readyForQuery(idle)]) {
      tracker.server.read(each);
    }
    expect([...tracker.memory.statements.keys()]).toEqual(['good']);
    tracker.client.read(message(frontend.close, Buffer.from('S'), cString('good')));
    tracker.client.read(sync);
    tracker.server.read(message(backend.closeComplete));
    tracker.server.read(readyForQuery(idle));
    expect(tracker.memory.statements.size).toBe(0);
  });

  it('says a SET again that held, not one that failed or was in a transaction', () => {
    const tracker = said(query(`SET work_mem = '1MB'`), query('SET nonsense = 1'));
    for (const each of [readyForQuery(idle), error, readyForQuery(idle)]) tracker.server.read(each);
    expect(tracker.memory.replays).toEqual([`SET work_mem = '1MB'`]);
    expect(tracker.memory.isComplete).toBe(true);
    tracker.client.read(query('BEGIN'));
    tracker.server.read(readyForQuery(open));
    tracker.client.read(query(`SET work_mem = '2MB'`));
    tracker.server.read(readyForQuery(open));
    expect(tracker.memory.isComplete).toBe(false);
    tracker.client.read(query('ROLLBACK'));
    tracker.server.read(readyForQuery(idle));
    tracker.client.read(query('DISCARD ALL'));
    tracker.server.read(readyForQuery(idle));
    expect([tracker.memory.isComplete, tracker.memory.replays]).toEqual([true, []]);
  });
});
