import type {
  BackupChoice,
  BranchLoss,
  DeletionLoss,
  Rename,
  RollbackPlan,
  TableLoss,
} from '../../index.js';
import type { CommandContext } from '../context.js';
import { formatBytes, plural } from '../output/format.js';

/** Names the loss and asks on a terminal; elsewhere only `--yes` is an answer. */
export async function confirmDeletion(
  context: CommandContext,
  loss: DeletionLoss,
): Promise<boolean> {
  if (context.options.yes) return true;
  if (!context.isInteractive) return false;
  return ask(context, question(loss), 'nothing was deleted');
}

/** Names what goes with a branch, and asks on a terminal; elsewhere only `--yes` is an answer. */
export async function confirmBranchDeletion(
  context: CommandContext,
  { branch, rows, logicalBytes, snapshots }: BranchLoss,
): Promise<boolean> {
  if (context.options.yes) return true;
  if (!context.isInteractive) return false;
  const counted = rows === null ? 'rows that were not counted' : plural(rows, 'row');
  const more = snapshots.length === 0 ? '' : ` and its ${plural(snapshots.length, 'snapshot')}`;
  const what = `branch "${branch.record.name}" with ${counted} (${formatBytes(logicalBytes)})${more}`;
  return ask(context, `Delete ${what} for good?`, 'nothing was deleted');
}

/** Names what would no longer hold together, and asks on a terminal; elsewhere only `--yes` is an answer. */
export async function confirmTableLoss(context: CommandContext, loss: TableLoss): Promise<boolean> {
  if (context.options.yes) return true;
  if (!context.isInteractive) return false;
  const { describeBrokenReference, describeReplacedRows } = await import('../../index.js');
  context.progress.stop();
  const lines = [
    ...loss.tables.map(describeReplacedRows),
    ...loss.brokenReferences.map(describeBrokenReference),
    ...loss.lostForeignKeys.map(
      ({ constraint, table, why }) => `${constraint} of ${table} cannot be made: ${why}`,
    ),
  ];
  context.io.stderr.write(`${lines.join('\n')}\n`);
  return ask(context, 'Put the restored tables in place all the same?', 'nothing was changed');
}

/** Whether what looks like a rename is one. */
export function confirmRename(
  context: CommandContext,
  { object, from, to }: Rename,
): Promise<boolean> {
  return ask(context, `Was ${object} ${from} renamed to ${to}?`, 'nothing was done');
}

/** The plan with its numbers stands above the question. */
export function confirmRollback(context: CommandContext, plan: RollbackPlan): Promise<boolean> {
  return ask(context, `Roll back from ${plan.from} to ${plan.to}?`, 'nothing was changed');
}

/** What would be run stands above the question. */
export function confirmDown(context: CommandContext, count: number): Promise<boolean> {
  const what = count === 1 ? 'this migration' : `these ${count} migrations`;
  return ask(context, `Take ${what} back?`, 'nothing was run');
}

const choices: readonly { value: string; label: string; choice: BackupChoice | 'cancel' }[] = [
  { value: '1', label: 'Proceed (I have my own backup)', choice: 'none' },
  { value: '2', label: 'Back up to files', choice: 'files' },
  { value: '3', label: 'Back up to the database (true rollback)', choice: 'database' },
  { value: '4', label: 'Cancel', choice: 'cancel' },
];

/** What would be lost stands above the question; the answer is one key. */
export async function askForBackup(context: CommandContext): Promise<BackupChoice | 'cancel'> {
  context.progress.stop();
  const { isCancel, selectKey } = await import('@clack/prompts');
  const { stderr, stdin } = context.io;
  const answer = await selectKey({
    message: 'How shall it be done?',
    options: choices.map(({ value, label }) => ({ value, label })),
    initialValue: '4',
    input: stdin as NodeJS.ReadStream,
    output: stderr as NodeJS.WriteStream,
    signal: context.io.signal,
  });
  if (isCancel(answer)) {
    const { BelayError } = await import('../../index.js');
    throw new BelayError('INTERRUPTED', 'interrupted: what would lose records was not applied');
  }
  return choices.find(({ value }) => value === answer)?.choice ?? 'cancel';
}

/** A question above which stands what it is about. */
export async function ask(
  context: CommandContext,
  message: string,
  otherwise: string,
): Promise<boolean> {
  context.progress.stop();
  const { confirm, isCancel } = await import('@clack/prompts');
  const { stderr, stdin } = context.io;
  const answer = await confirm({
    message,
    initialValue: false,
    input: stdin as NodeJS.ReadStream,
    output: stderr as NodeJS.WriteStream,
    signal: context.io.signal,
  });
  if (isCancel(answer)) {
    const { BelayError } = await import('../../index.js');
    throw new BelayError('INTERRUPTED', `interrupted: ${otherwise}`);
  }
  return answer;
}

function question({ snapshots, rows, sizeBytes, consequences, recordBackups = [] }: DeletionLoss) {
  const tags = snapshots.map(({ tag }) => `"${tag}"`).join(', ');
  const counted = rows === null ? 'rows that were never counted' : plural(rows, 'row');
  const kept = recordBackups.reduce((sum, backup) => sum + backup.rows, 0);
  const parts = [
    ...(snapshots.length > 0 ? [`${tags} with ${counted} (${formatBytes(sizeBytes)})`] : []),
    ...(recordBackups.length > 0
      ? [`${plural(recordBackups.length, 'record backup')} with ${plural(kept, 'record')}`]
      : []),
  ];
  const more = consequences.map((consequence) => ` — ${consequence}`).join('');
  return `Delete ${parts.join(' and ')} for good?${more}`;
}
