import { isAtRisk } from '../../domain/impact/impact-of.js';
import type { ImpactPlan } from '../../domain/impact.js';
import { BelayError } from '../../errors.js';

/** Where the records go that a migration removes: nowhere, into a sealed archive, into tables beside the others. */
export const backupChoices = ['none', 'files', 'database'] as const;

export type BackupChoice = (typeof backupChoices)[number];

/** What one of the migrations that are to be applied would do. */
export interface MigrationImpact {
  readonly version: string;
  readonly name: string;
  readonly impact: ImpactPlan;
  /** Tables that lose records, as `schema.table`; null where something may be lost of which nobody knows where. */
  readonly tables: readonly string[] | null;
}

export interface BackupOptions {
  /** The answer where something would be lost; default: `chooseBackup` is asked. */
  readonly backup?: BackupChoice | undefined;
  /** Asked where something would be lost and `backup` says nothing; again where the loss has grown since. */
  readonly chooseBackup?:
    | ((impacts: readonly MigrationImpact[]) => Promise<BackupChoice | 'cancel'>)
    | undefined;
  /** For each scan of a table that is counted, in milliseconds; default 60 s. */
  readonly countTimeoutMs?: number | undefined;
}

/** Whether something is lost that nobody can bring back without a backup, or may be. */
export function needsBackup(impacts: readonly MigrationImpact[]): boolean {
  return impacts.some(({ impact }) =>
    impact.statements.some((statement) => statement.impacts.some(isAtRisk)),
  );
}

/**
 * @throws BelayError WOULD_LOSE where nobody can be asked; NOT_CONFIRMED where the answer is to leave it
 */
export async function chooseBackup(
  impacts: readonly MigrationImpact[],
  options: BackupOptions,
): Promise<BackupChoice> {
  const choice = options.backup ?? (await options.chooseBackup?.(impacts));
  if (choice === 'cancel') {
    throw new BelayError('NOT_CONFIRMED', 'cancelled: what would lose records was not applied');
  }
  if (choice !== undefined) return choice;
  const named = impacts.flatMap(({ impact }) => describeLosses(impact));
  const shown = named.slice(0, 5).join('; ');
  const more = named.length > 5 ? `; and ${named.length - 5} more` : '';
  throw new BelayError('WOULD_LOSE', `the migration would lose records: ${shown}${more}`, {
    hint: 'Nothing was applied. `--backup database` keeps them beside the tables, for `belay rollback --data`; `--backup files` in a sealed archive; `--backup none` goes on without.',
    details: { impacts },
  });
}

/** e.g. "DROP COLUMN public.users.email: 1,234 values". */
function describeLosses({ statements }: ImpactPlan): string[] {
  return statements.flatMap(({ impacts, file, line }) =>
    impacts.filter(isAtRisk).map((impact) => {
      const { operation, object, rowsAffected, valuesAtRisk, recordsAtRisk } = impact;
      const count = (number: number, unit: string) =>
        `${number.toLocaleString('en-US')} ${unit}${number === 1 ? '' : 's'}`;
      const what =
        recordsAtRisk === null
          ? 'how much is not known'
          : rowsAffected
            ? count(rowsAffected, 'row')
            : count(valuesAtRisk ?? 0, 'value');
      return `${file}, line ${line}: ${operation} ${object}: ${what}`;
    }),
  );
}
