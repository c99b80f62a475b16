import { describe, expect, it } from 'vitest';
import { type EndedJob, eventsOfJob } from '../../../src/jobs/webhooks/job-events.js';

const job = (change: Partial<EndedJob>): EndedJob => ({
  id: 'job_1',
  database: 'shop',
  type: 'checkpoint',
  state: 'succeeded',
  requestedBy: 'token deploy (tok_1)',
  result: null,
  error: null,
  createdAt: '2026-11-20T10:00:00.000Z',
  startedAt: '2026-11-20T10:00:01.000Z',
  finishedAt: '2026-11-20T10:00:09.000Z',
  ...change,
});

const error = {
  code: 'NOT_PROVEN',
  kind: 'environment',
  message: 'row (ada@example.com) differs',
} as const;
const snapshot = {
  id: 'k3v9',
  tag: 'nightly',
  createdAt: '2026-11-20T10:00:00.000Z',
  copies: ['x'],
};

describe('what the end of a job has to tell', () => {
  it.each<[string, Partial<EndedJob>, string[]]>([
    ['a proven checkpoint', { result: { tag: 'nightly' } }, ['checkpoint.proven', 'job.succeeded']],
    ['one that failed', { state: 'failed', error }, ['checkpoint.failed', 'job.failed']],
    ['one that was cancelled', { state: 'cancelled' }, ['job.cancelled']],
    ['a drill', { type: 'drill', result: { snapshot } }, ['drill.proven', 'job.succeeded']],
    [
      'a drill that failed',
      { type: 'drill', state: 'failed', error },
      ['drill.failed', 'job.failed'],
    ],
    [
      'old drills',
      { type: 'drill-old', result: { drilled: [{ tag: 'a' }] } },
      ['drill.proven', 'job.succeeded'],
    ],
    ['no old archives', { type: 'drill-old', result: { drilled: [] } }, ['job.succeeded']],
    [
      'old drills that failed',
      { type: 'drill-old', state: 'failed', error },
      ['drill.failed', 'job.failed'],
    ],
    [
      'drift',
      { type: 'drift', result: { drifted: true, changes: [1] } },
      ['drift.found', 'job.succeeded'],
    ],
    ['no drift', { type: 'drift', result: { drifted: false, changes: [] } }, ['job.succeeded']],
    ['a restore', { type: 'restore', result: { snapshot } }, ['restore.done', 'job.succeeded']],
    ['an undo', { type: 'undo', result: { snapshot } }, ['restore.done', 'job.succeeded']],
    [
      'a branch that was deleted',
      { type: 'branch-delete', result: { name: 'b' } },
      ['branch.removed', 'job.succeeded'],
    ],
    [
      'branches that went',
      { type: 'branch-gc', result: { removed: [{ name: 'b' }] } },
      ['branch.removed', 'job.succeeded'],
    ],
    ['none that went', { type: 'branch-gc', result: { removed: [] } }, ['job.succeeded']],
    [
      'a look at what would go',
      { type: 'branch-gc', result: { dryRun: true, removed: [{ name: 'b' }] } },
      ['job.succeeded'],
    ],
    ['a comparison', { type: 'diff' }, []],
    ['a look', { type: 'inventory', state: 'failed', error }, []],
  ])('%s', (_what, change, events) => {
    expect(eventsOfJob(job(change)).map(({ event }) => event)).toEqual(events);
  });

  it('names database, job and snapshot', () => {
    const result = {
      ok: true,
      tag: 'nightly',
      sizeBytes: 12,
      rows: 3,
      restore_drill: 'proven',
      snapshot,
    };
    const [first] = eventsOfJob(job({ result }));
    expect(first?.data).toEqual({
      database: 'shop',
      job: {
        ...{
          id: 'job_1',
          type: 'checkpoint',
          state: 'succeeded',
          requestedBy: 'token deploy (tok_1)',
        },
        createdAt: '2026-11-20T10:00:00.000Z',
        startedAt: '2026-11-20T10:00:01.000Z',
        finishedAt: '2026-11-20T10:00:09.000Z',
      },
      ...{ tag: 'nightly', sizeBytes: 12, rows: 3, restore_drill: 'proven' },
      snapshot: { id: 'k3v9', tag: 'nightly', createdAt: '2026-11-20T10:00:00.000Z' },
    });
  });

  it('names the branches that went', () => {
    const result = { removed: [{ name: 'invoices', why: 'expired' }, { name: 'orders' }] };
    const [first] = eventsOfJob(job({ type: 'branch-gc', result }));
    expect(first?.data).toMatchObject({ branches: ['invoices', 'orders'] });
  });

  it('holds nothing of a row, not even where a result or a message does', () => {
    const secret = 'ada@example.com';
    const result = {
      tag: 'nightly',
      differences: [{ what: 'row', actual: secret }],
      rowCounts: { secret },
      drilled: [{ tag: 'nightly', status: 'failed', problem: secret }],
      recorded: { version: '1', model: secret },
      changes: [{ before: secret }],
      snapshot: { ...snapshot, description: secret },
      previous: { id: 'p', tag: 'before', description: secret },
    };
    const types: EndedJob['type'][] = [
      'checkpoint',
      'drill',
      'drill-old',
      'drift',
      'restore',
      'branch-gc',
    ];
    for (const type of types) {
      for (const state of ['succeeded', 'failed', 'cancelled'] as const) {
        const told = eventsOfJob(job({ type, state, result, error: { ...error, hint: secret } }));
        expect(told.length, type).toBeGreaterThan(0);
        expect(JSON.stringify(told), `${type} ${state}`).not.toContain(secret);
      }
    }
  });
});
