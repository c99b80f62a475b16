import type { Job, JobType } from '../../contract/job.js';
import type { WebhookEvent } from './webhooks.js';

export type EndedJob = Omit<Job, 'input' | 'step' | 'worker' | 'attempt'>;

export interface HappenedEvent {
  readonly event: WebhookEvent;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Questions: that somebody got an answer is no news. */
const quiet: readonly JobType[] = [
  ...(['inventory', 'status', 'schema-show', 'ledger', 'restore-preview'] as const),
  ...(['diff', 'schema-diff', 'plan', 'rollback-plan'] as const),
];

/** Kinds whose result is looked at. */
export const typesWithFacts: readonly JobType[] = [
  ...(['checkpoint', 'drill', 'drill-old', 'drift'] as const),
  ...(['branch-delete', 'branch-gc', 'restore', 'switch', 'undo'] as const),
];

/**
 * What the end of a job has to tell. Only names, counts and codes: what a database says when it refuses a row holds values of
 * that row, so messages stay with the job, where one needs the right to see them.
 */
export function eventsOfJob(job: EndedJob): readonly HappenedEvent[] {
  if (quiet.includes(job.type)) return [];
  const { id, type, state, requestedBy, createdAt, startedAt, finishedAt } = job;
  const about = {
    database: job.database,
    job: { id, type, state, requestedBy, createdAt, startedAt, finishedAt },
    ...(job.error === null ? {} : { error: { code: job.error.code, kind: job.error.kind } }),
  };
  return happened(job).map(({ event, data }) => ({ event, data: { ...about, ...data } }));
}

function happened(job: EndedJob): HappenedEvent[] {
  const result = (job.result ?? {}) as Record<string, unknown>;
  const ended: HappenedEvent = { event: `job.${job.state}` as WebhookEvent, data: {} };
  if (job.state === 'cancelled') return [ended];
  const special = job.state === 'failed' ? failed(job.type, result) : succeeded(job.type, result);
  return special === undefined ? [ended] : [special, ended];
}

function failed(type: JobType, result: Record<string, unknown>): HappenedEvent | undefined {
  if (type === 'checkpoint') return { event: 'checkpoint.failed', data: archiveFacts(result) };
  if (type === 'drill') return { event: 'drill.failed', data: archiveFacts(result) };
  if (type === 'drill-old') return { event: 'drill.failed', data: drilledFacts(result) };
  return undefined;
}

function succeeded(type: JobType, result: Record<string, unknown>): HappenedEvent | undefined {
  switch (type) {
    case 'checkpoint':
      return { event: 'checkpoint.proven', data: archiveFacts(result) };
    case 'drill':
      return { event: 'drill.proven', data: archiveFacts(result) };
    case 'drill-old': {
      const data = drilledFacts(result);
      // Nothing was old enough: nothing was proven.
      return data.drilled.length === 0 ? undefined : { event: 'drill.proven', data };
    }
    case 'drift':
      return result.drifted === true
        ? { event: 'drift.found', data: driftFacts(result) }
        : undefined;
    case 'restore':
    case 'switch':
    case 'undo':
      return { event: 'restore.done', data: restoreFacts(result) };
    case 'branch-delete':
      return { event: 'branch.removed', data: { branches: [nameOf(result)] } };
    case 'branch-gc': {
      const branches = result.dryRun === true ? [] : list(result.removed).map(nameOf);
      return branches.length === 0 ? undefined : { event: 'branch.removed', data: { branches } };
    }
    default:
      return undefined;
  }
}

function archiveFacts(result: Record<string, unknown>) {
  const snapshot = snapshotFacts(result);
  const counts = pick(result, ['sizeBytes', 'sha256', 'rows', 'tables', 'durationMs']);
  const drill = pick(result, ['restore_drill']);
  return { ...snapshot, ...counts, ...drill };
}

function drilledFacts(result: Record<string, unknown>) {
  const drilled = list(result.drilled).map((one) =>
    pick((one ?? {}) as Record<string, unknown>, ['id', 'tag', 'status']),
  );
  return { drilled };
}

function driftFacts(result: Record<string, unknown>) {
  const changes = list(result.changes).length;
  return {
    changes,
    since: pick((result.recorded ?? {}) as Record<string, unknown>, ['version', 'at']),
  };
}

function restoreFacts(result: Record<string, unknown>) {
  const { previous } = result;
  const kept =
    previous === null ? null : pick((previous ?? {}) as Record<string, unknown>, ['id', 'tag']);
  return { ...snapshotFacts(result), into: result.database ?? null, previous: kept };
}

function snapshotFacts(result: Record<string, unknown>) {
  const snapshot = (result.snapshot ?? {}) as Record<string, unknown>;
  const known = pick(snapshot, ['id', 'tag', 'createdAt']);
  const tag = pick(result, ['tag']);
  return Object.keys(known).length === 0 ? tag : { ...tag, snapshot: known };
}

function nameOf(branch: unknown): unknown {
  return pick((branch ?? {}) as Record<string, unknown>, ['name']).name ?? null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Only texts and numbers: nothing that is nested comes along by accident. */
function pick(from: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  const found = names.map((name) => [name, from[name]] as const);
  return Object.fromEntries(
    found.filter(([, value]) => typeof value === 'string' || typeof value === 'number'),
  );
}
