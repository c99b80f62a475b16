import type { Rehearsal, RehearsedProbe, RehearsedTable } from '../../src/domain/rehearsal.js';

const noRows = {
  ...{ renamedTo: null, change: 'kept' as const, identity: 'primary key' as const },
  ...{ rowsInserted: 0, rowsDeleted: 0, rowsUpdated: 0, valuesLost: 0, valuesChanged: 0 },
  ...{ columns: [], samples: [] },
};
const noValues = { renamedTo: null, valuesLost: 0, valuesChanged: 0, valuesSet: 0 };

/** Users whose e-mail goes, orders of which some are deleted, and a table that goes as a whole. */
export const sampleTables: readonly RehearsedTable[] = [
  {
    ...noRows,
    ...{ table: 'public.users', rowsBefore: 1500, rowsAfter: 1500, rowsUpdated: 20 },
    ...{ valuesLost: 1234, valuesChanged: 20 },
    columns: [
      { ...noValues, column: 'email', change: 'dropped', valuesLost: 1234 },
      { ...noValues, column: 'name', change: 'kept', renamedTo: 'full_name', valuesChanged: 20 },
      { ...noValues, column: 'active', change: 'added', valuesSet: 1500 },
    ],
    samples: [
      {
        key: { id: '7' },
        change: 'updated',
        values: [{ column: 'full_name', before: 'ann', after: 'Ann' }],
      },
    ],
  },
  {
    ...noRows,
    ...{ table: 'public.orders', rowsBefore: 10_000, rowsAfter: 9_188, rowsDeleted: 812 },
    samples: [
      {
        key: { id: '1' },
        change: 'deleted',
        values: [{ column: 'note', before: null, after: null }],
      },
    ],
  },
  {
    ...noRows,
    ...{ table: 'shop.sessions', change: 'dropped', identity: 'whole row' },
    ...{ rowsBefore: 55, rowsAfter: 0, rowsDeleted: 55 },
  },
];

const answered = { rows: 12, columns: ['id'], hash: 'a', durationMs: 3.2, error: null };

export const sampleProbes: readonly RehearsedProbe[] = [
  {
    ...{ sql: 'SELECT id, email FROM users', line: 3, before: answered, verdict: 'broken' },
    after: {
      ...{ rows: null, columns: null, hash: null, durationMs: 1 },
      error: '42703: column "email" does not exist',
    },
  },
  { sql: 'SELECT id FROM orders', line: 5, before: answered, after: answered, verdict: 'same' },
];

const sampleSource = {
  ...{ kind: 'clone' as const, tag: null, createdAt: '2026-11-20T10:00:00.000Z', why: null },
  durationMs: 640,
};

/** A rehearsal that found something of every kind. */
export const sampleRehearsal: Rehearsal = {
  ...{ ok: false, exitCode: 0, timedOut: false, command: null, file: 'up.sql' },
  source: sampleSource,
  schema: [
    {
      ...{ kind: 'removed', object: 'column', name: 'public.users.email', detail: 'type: text' },
      ...{ safety: 'DATA_LOSS', reason: 'its values are lost', measure: null },
    },
  ],
  tables: sampleTables,
  ...{ tablesCompared: 4, tablesUntouched: 37 },
  sequences: [{ sequence: 'public.users_id_seq', before: '1500', after: '1900' }],
  ...{ recordsLost: 2101, valuesChanged: 20 },
  locks: [
    {
      ...{ object: 'public.users', kind: 'table', mode: 'AccessExclusiveLock' },
      ...{ heldMs: 2340, heldAtMostMs: 2340, waitedMs: 0 },
      statement: 'ALTER TABLE users DROP COLUMN email',
    },
    {
      ...{ object: 'public.orders', kind: 'table', mode: 'ShareLock' },
      ...{ heldMs: 0, heldAtMostMs: 20.4, waitedMs: 15 },
      statement: null,
    },
  ],
  ...{ exclusiveLockMs: 2340, sampleIntervalMs: 10.2 },
  statements: [
    { sql: 'UPDATE users SET active = true', durationMs: 2210.5, exact: true, line: 4 },
    { sql: 'ALTER TABLE users\n  DROP COLUMN email', durationMs: 12, exact: true, line: 1 },
  ],
  ...{ walBytes: 3_400_000, walShared: true },
  errors: [],
  probes: sampleProbes,
  untouched: { status: 'proven', evidence: ['its schema and its counters are what they were'] },
  exceeded: [
    {
      ...{ threshold: 'maxRecordsLost', limit: 0, actual: 2101 },
      message: '2,101 records lost, at most 0 allowed',
    },
  ],
  notes: ['up.sql is written for psql, so it is run statement by statement'],
  ...{ durationMs: 2390, measuringMs: 410 },
};

/** One that found nothing. */
export const harmlessRehearsal: Rehearsal = {
  ...sampleRehearsal,
  ...{ ok: true, schema: [], tables: [], sequences: [], recordsLost: 0, valuesChanged: 0 },
  ...{ locks: [], exclusiveLockMs: 0, statements: [], probes: [], exceeded: [], notes: [] },
};

/** What somebody could write into names and values to break a report, or a terminal. */
export const nastyText = '| <img src=x> `x` @everyone \u001b[31m\n# "a"; \u202e';
