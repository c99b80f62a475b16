import path from 'node:path';
import type { ShadowMigration } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { runScript } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';
import { withMigrationState } from '../migration/migration-state.js';
import { declarativeScript } from '../plan/declarative-script.js';
import { pendingMigrations } from '../plan/plan-input.js';
import { type PlanInput, readPlanInput } from '../plan/read-input.js';
import type { Target } from '../target/open-target.js';
import type { Work } from '../target/work.js';
import type { CreateShadowOptions } from './create.js';

/** What is to be run in the shadow: read and found complete before anything is made. */
export type PreparedMigration = Pick<ShadowMigration, 'kind' | 'name'> & {
  readonly notes: readonly string[];
} & (
    | { readonly kind: 'files' | 'declarative'; readonly scripts: PlanInput['scripts'] }
    | { readonly kind: 'command'; readonly command: readonly [string, ...string[]] }
  );

/**
 * Reads what is to be run in the shadow. Without the target's lock: two schemas are compared under one of their own.
 * @throws BelayError USAGE, FILE_ERROR, BAD_MIGRATION, RENAME_UNDECIDED, …
 */
export async function prepareMigration(
  target: Target,
  options: CreateShadowOptions,
): Promise<PreparedMigration> {
  const { inputs = [], command, cwd = target.cwd } = options;
  const isNamed = !Array.isArray(inputs) || inputs.length > 0;
  if (command && isNamed) {
    throw new BelayError('USAGE', 'a shadow is made with files or with a command, not with both');
  }
  if (command) {
    return { kind: 'command', name: path.basename(command[0]), command, notes: [] };
  }
  if (!isNamed) return preparePending(target);
  const appliedVersions = () =>
    withMigrationState(target, async ({ applied }) => new Set(applied.map((one) => one.version)));
  const read = await readPlanInput(inputs, { cwd, variables: options.variables, appliedVersions });
  const name = Array.isArray(inputs) ? inputs.join(' ') : '<stdin>';
  if (read.sides) {
    const { signal, reporter, renames, noRenames, askRenames } = options;
    const asked = { signal, reporter, renames, noRenames, askRenames };
    const { script, notes } = await declarativeScript(target, { ...read.sides, ...asked, cwd });
    const scripts = [{ ...script, version: null, name: null }];
    return { kind: 'declarative', name, scripts, notes };
  }
  refuseUnseen(read);
  return { kind: 'files', name, scripts: read.scripts, notes: read.notes };
}

/** What is pending in the project. @throws BelayError MIGRATIONS_NOT_FOUND */
async function preparePending(target: Target): Promise<PreparedMigration> {
  const pending = await withMigrationState(target, async (state) => pendingMigrations(state));
  if (pending.length === 0) {
    throw new BelayError('MIGRATIONS_NOT_FOUND', 'no migration is pending', {
      hint: 'Name files of SQL, a folder, OLD.sql:NEW.sql, or `-- COMMAND`.',
    });
  }
  const programs = pending.filter(({ up }) => up === null);
  refuseUnseen({
    unseen: programs.map(({ version, name }) => ({
      ...{ file: [version, name].filter(Boolean).join('_'), line: 1 },
      text: 'the migration is a program, not SQL',
    })),
  });
  const scripts = pending.flatMap(({ up, version, name }) =>
    up ? [{ ...up, version, name }] : [],
  );
  return { kind: 'files', name: 'pending migrations', scripts, notes: [] };
}

/** A part that is left out would make another schema than the migration does. */
function refuseUnseen({ unseen }: Pick<PlanInput, 'unseen'>): void {
  const [first] = unseen;
  if (!first) return;
  throw new BelayError('BAD_MIGRATION', `${first.file}:${first.line}: ${first.text}`, {
    hint: 'What is not SQL is run with `belay shadow create -- COMMAND`.',
    details: { unseen },
  });
}

export interface ShadowCopy {
  readonly database: string;
  readonly oid: number;
}

/**
 * Runs the migration in a copy that becomes the shadow.
 * @returns how long it took, in milliseconds
 * @throws BelayError MIGRATION_FAILED and what runners throw
 */
export async function migrateShadow(
  work: Work,
  copy: ShadowCopy,
  open: () => Promise<Session>,
  migration: PreparedMigration,
  _options: CreateShadowOptions,
): Promise<number> {
  const startedAt = performance.now();
  if (migration.kind === 'command') {
    throw new BelayError('BUG', `commands are not run in a shadow yet (${copy.database})`);
  }
  const session = await open();
  try {
    for (const script of migration.scripts) {
      await runScript(session, script, { signal: work.signal, reporter: work.reporter });
    }
  } finally {
    // Its statistics reach the server when it ends.
    await session.close();
  }
  return Math.round(performance.now() - startedAt);
}
