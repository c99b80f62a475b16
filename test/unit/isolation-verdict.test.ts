import { describe, expect, it } from 'vitest';
import { judgeTarget, type TargetObservation } from '../../src/domain/isolation-verdict.js';
import { normalAddress, parseTcpTable } from '../../src/process/isolated-sockets.js';

const quiet: TargetObservation = {
  database: 'shop',
  isReplaced: false,
  isSchemaChanged: false,
  areRelationsChanged: false,
  areSequencesMoved: false,
  rowsWritten: 0,
  commandSessions: [],
  sessionsBefore: 0,
  foreignSessions: 0,
  unknownSessions: 0,
  unseenSessions: 0,
  workers: 0,
  looks: 20,
  failedLooks: 0,
  intervalMs: 50.4,
};

const statusOf = (changes: Partial<TargetObservation>) =>
  judgeTarget({ ...quiet, ...changes }).status;

describe('a target that was watched', () => {
  it('was proven untouched where nobody was there and nothing changed', () => {
    expect(judgeTarget(quiet)).toEqual({
      status: 'proven',
      evidence: [
        'The schema of "shop" has the same checksum as before.',
        'No row of its tables was inserted, updated or deleted.',
        'No session was begun in it meanwhile: the server counts them.',
        'Its sessions were looked at 20 times, every 50 ms.',
      ],
    });
  });

  it.each<[string, Partial<TargetObservation>]>([
    ['a session of the command', { commandSessions: ['pid 7'] }],
    ['a session of the command among others', { commandSessions: ['pid 7'], sessionsBefore: 3 }],
    ['another database of its name', { isReplaced: true, sessionsBefore: 3 }],
    ['another schema', { isSchemaChanged: true }],
    ['another schema, whoever was there', { isSchemaChanged: true, sessionsBefore: 3 }],
    ['rows written by nobody else', { rowsWritten: 1 }],
    ['rows written in a session too short to be seen', { rowsWritten: 1, unseenSessions: 1 }],
    ['rows written by somebody who may be the command', { rowsWritten: 1, unknownSessions: 1 }],
    ['a TRUNCATE', { areRelationsChanged: true }],
    ['a sequence that moved', { areSequencesMoved: true }],
  ])('was touched: %s', (_, changes) => {
    expect(statusOf(changes)).toBe('touched');
  });

  it.each<[string, Partial<TargetObservation>]>([
    ['others who were there', { sessionsBefore: 1 }],
    ['others who wrote', { sessionsBefore: 1, rowsWritten: 9 }],
    ['others who came', { foreignSessions: 1, rowsWritten: 9, areSequencesMoved: true }],
    ['a worker of an extension', { workers: 1, rowsWritten: 9 }],
    ['somebody who only looked', { unknownSessions: 1 }],
    ['somebody too short to be seen, who only looked', { unseenSessions: 1 }],
    ['counts that are lost', { rowsWritten: null }],
    ['sessions that are not counted', { unseenSessions: null }],
    ['a time without a look', { failedLooks: 1 }],
  ])('cannot be proven untouched: %s', (_, changes) => {
    expect(statusOf(changes)).toBe('others-only');
  });

  it('says what was found', () => {
    const { evidence } = judgeTarget({
      ...quiet,
      ...{ rowsWritten: 1_234, commandSessions: ['pid 7, as app'], sessionsBefore: 2 },
      ...{ unknownSessions: 1, unseenSessions: 1, workers: 1, failedLooks: 2 },
    });
    expect(evidence).toEqual([
      'The schema of "shop" has the same checksum as before.',
      '1,234 rows of its tables were inserted, updated or deleted.',
      'The command was connected to it: pid 7, as app.',
      '2 sessions of others when it began.',
      '1 session came meanwhile; nothing says that it was the command’s, or that it was not.',
      '1 session came and went too quickly to be seen; the server counted.',
      '1 worker of the server itself worked there.',
      'Its sessions were looked at 20 times, every 50 ms.',
      '2 looks failed: what happened then is not known.',
    ]);
  });
});

describe('the kernel’s table of connections', () => {
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const row = (local: string, inode: number) =>
    `   0: ${local} 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0`;

  it('is read, whatever the kind of address', () => {
    const text = [
      head,
      row('0100007F:D431', 11),
      row('00000000000000000000000001000000:1538', 12),
      row('0000000000000000FFFF00000100007F:0050', 13),
      row('B80D0120000000000000000001000000:0051', 14),
      row('0100007F:D432', 0),
      '',
    ].join('\n');
    expect(parseTcpTable(text)).toEqual([
      { local: { address: '127.0.0.1', port: 54321 }, inode: '11' },
      { local: { address: '::1', port: 5432 }, inode: '12' },
      { local: { address: '127.0.0.1', port: 80 }, inode: '13' },
      { local: { address: '2001:db8::1', port: 81 }, inode: '14' },
    ]);
    expect(parseTcpTable('')).toEqual([]);
  });

  it('has addresses written as a server writes them', () => {
    expect(normalAddress('::ffff:10.0.0.1')).toBe('10.0.0.1');
    expect(normalAddress('fe80::1%eth0')).toBe('fe80::1');
    expect(normalAddress('2001:DB8:0:0::1')).toBe('2001:db8::1');
    expect(normalAddress('192.0.2.1')).toBe('192.0.2.1');
  });
});
