import type { JobInput, JobType } from '../../contract/job.js';

/** They only read, so they run beside whatever else is done to the same database. */
const reading: ReadonlySet<JobType> = new Set<JobType>([
  ...(['verify', 'diff', 'schema-diff', 'drift', 'plan', 'rollback-plan'] as const),
  ...([
    'restore-preview',
    'status',
    'schema-show',
    'ledger',
    'ledger-verify',
    'inventory',
  ] as const),
]);

/** What they make is their own, or nobody has seen it when their worker is lost: another one may begin anew. */
const repeatable: ReadonlySet<JobType> = new Set<JobType>([
  ...(['checkpoint', 'snapshot', 'drill', 'drill-old', 'schema-snapshot'] as const),
  ...(['rehearse', 'branch-gc'] as const),
  ...reading,
]);

/** Whether it must be the only one that changes its database while it runs. */
export function changesTarget(type: JobType): boolean {
  return !reading.has(type);
}

/** Whether it may be begun again after its worker was lost. The others fail then: nobody can know how far they came. */
export function mayBeginAgain(type: JobType, input: JobInput): boolean {
  return repeatable.has(type) || (type === 'prune' && 'dryRun' in input && input.dryRun === true);
}
