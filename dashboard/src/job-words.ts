import type { Job, JobType } from '../../src/contract/job';

/** What a job does, while it does it and afterwards. */
const words: Readonly<Partial<Record<JobType, readonly [doing: string, done: string]>>> = {
  checkpoint: ['Backing up', 'Backed up'],
  snapshot: ['Creating a snapshot', 'Snapshot created'],
  restore: ['Restoring', 'Restored'],
  'restore-preview': ['Looking at what would be replaced', 'Looked at what would be replaced'],
  switch: ['Switching', 'Switched'],
  undo: ['Undoing', 'Undone'],
  'delete-snapshot': ['Deleting a snapshot', 'Snapshot deleted'],
  rename: ['Renaming a snapshot', 'Snapshot renamed'],
  protect: ['Protecting a snapshot', 'Snapshot protected'],
  unprotect: ['Ending the protection of a snapshot', 'Snapshot no longer protected'],
  prune: ['Removing old snapshots', 'Old snapshots removed'],
  drill: ['Proving that an archive restores', 'Archive drilled'],
  'drill-old': ['Proving old archives again', 'Old archives drilled'],
  verify: ['Verifying archives', 'Archives verified'],
  diff: ['Comparing', 'Compared'],
  'schema-diff': ['Comparing schemas', 'Schemas compared'],
  'schema-snapshot': ['Recording the schema', 'Schema recorded'],
  drift: ['Looking for drift', 'Looked for drift'],
  plan: ['Measuring the impact of a migration', 'Impact measured'],
  rehearse: ['Rehearsing a migration', 'Migration rehearsed'],
  'rollback-plan': ['Planning a rollback', 'Rollback planned'],
  rollback: ['Rolling back', 'Rolled back'],
  'branch-create': ['Creating a branch', 'Branch created'],
  'branch-reset': ['Resetting a branch', 'Branch reset'],
  'branch-delete': ['Deleting a branch', 'Branch deleted'],
  'branch-gc': ['Removing expired branches', 'Expired branches removed'],
  status: ['Looking at the database', 'Looked at the database'],
  ledger: ['Reading the ledger', 'Ledger read'],
  'ledger-verify': ['Verifying the ledger', 'Ledger verified'],
  'schema-show': ['Reading the schema', 'Schema read'],
  inventory: ['Looking at the database', 'Looked at the database'],
};

export const jobTypeTitle = (type: JobType): string => words[type]?.[0] ?? type;

/** One line about how a job stands. */
export function jobTitle({ type, state }: Pick<Job, 'type' | 'state'>): string {
  const [doing, done] = words[type] ?? [type, type];
  if (state === 'succeeded') return done;
  if (state === 'failed') return `${doing}: failed`;
  if (state === 'cancelled') return `${doing}: cancelled`;
  return state === 'queued' ? `${doing}: waiting for its turn` : doing;
}

const stepWords: Readonly<Record<string, string>> = {
  copy: 'Copying the data',
  dump: 'Writing the archive',
  'dump and drill': 'Writing the archive and restoring it elsewhere',
  drill: 'Restoring the archive elsewhere',
  'read back and drill': 'Reading the archive back and restoring it elsewhere',
  'restore rows': 'Restoring the rows',
  'build indexes and constraints': 'Building indexes and constraints',
  compare: 'Comparing with the original',
  freeze: 'Taking a consistent view',
  verify: 'Verifying the copy',
  'carry over settings and grants': 'Carrying over settings and grants',
  swap: 'Putting it in place',
  seal: 'Sealing',
  count: 'Counting rows',
};

/** A step of the library in words for people; an unknown one as it is. */
export function stepTitle(name: string): string {
  return stepWords[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
