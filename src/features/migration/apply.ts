import type {
  AppliedVersion,
  HistoryEntry,
  NewHistoryEntry,
  Rename,
} from '../../domain/history.js';
import type { MigrationScript } from '../../domain/migration.js';
import { currentVersion } from '../../domain/migration-plan.js';
import { findRenames, type IdentifiedObject } from '../../domain/migration-renames.js';
import { type Reporter, reportStep } from '../../domain/reporter.js';
import { isPartial, versionChecksum } from '../../domain/schema-model.js';
import type { GitState } from '../../domain/snapshot.js';
import { runScript, type ScriptHooks } from '../../postgres/run-script.js';
import {
  type AddressedModel,
  readAddressedModel,
} from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import type { SchemaHistory } from '../history/schema-history.js';

const tool = 'belay';

export interface ApplierOptions {
  readonly session: Session;
  readonly history: SchemaHistory;
  readonly entries: readonly HistoryEntry[];
  readonly git: GitState | null;
  /** Keep the schema with each version. */
  readonly autoSnapshot: boolean;
  readonly lockTimeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly reporter: Reporter;
}

/** One script to run and what is to be recorded of it. */
export interface ApplyStep {
  readonly action: 'up' | 'down';
  /** The migration that is applied or taken back. */
  readonly migration: AppliedVersion;
  readonly script: MigrationScript;
  readonly up: MigrationScript | null;
  readonly down: MigrationScript | null;
  readonly fileChecksum: string | null;
  /** All that are in force afterwards. */
  readonly applied: readonly AppliedVersion[];
  /** What is done around its statements, such as keeping what they remove. */
  readonly hooks?: ScriptHooks | undefined;
  /** Called when it was committed. */
  readonly onApplied?: (() => void) | undefined;
}

export interface AppliedStep {
  readonly entry: HistoryEntry;
  readonly durationMs: number;
}

type Facts = Pick<NewHistoryEntry, 'action' | 'applied'> & Partial<NewHistoryEntry>;

/** Runs migrations one after another, each with its entry in the history in the same transaction. */
export class Applier {
  readonly #options: ApplierOptions;
  #last: HistoryEntry | undefined;
  #before: AddressedModel | undefined;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#last = options.entries.at(-1);
  }

  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  /** All that is in force, in the order of application. */
  get applied(): readonly AppliedVersion[] {
    return this.#last?.applied ?? [];
  }

  /** Records what was there before the first migration, where nothing was recorded yet. */
  async recordBaseline(): Promise<void> {
    if (this.#last) return;
    const { session } = this.#options;
    this.#before = await readAddressedModel(session);
    this.#last = await this.#append(this.#before, { action: 'baseline', applied: [] });
  }

  /** @throws BelayError as `runScript` */
  async apply(step: ApplyStep): Promise<AppliedStep> {
    const { session, reporter, signal, lockTimeoutMs } = this.#options;
    const { version, name } = step.migration;
    const before = this.#before ?? (await readAddressedModel(session));
    this.#before = undefined;
    const startedAt = performance.now();
    let recorded: { entry: HistoryEntry; after: AddressedModel } | undefined;
    const beforeCommit = async () => {
      const after = await readAddressedModel(session);
      const entry = await this.#append(after, {
        ...{ action: step.action, applied: step.applied, renames: renamesOf(before, after) },
        ...{ up: step.up, down: step.down, fileChecksum: step.fileChecksum },
        durationMs: Math.round(performance.now() - startedAt),
      });
      recorded = { entry, after };
    };
    const doing = step.action === 'up' ? 'applying' : 'taking back';
    const detail = name === '' ? version : `${version}_${name}`;
    const { script, hooks } = step;
    await reportStep(reporter, { name: doing, detail }, () =>
      runScript(session, script, { signal, reporter, lockTimeoutMs, beforeCommit, hooks }),
    );
    if (!recorded) throw new Error('a migration was committed without its entry');
    this.#last = recorded.entry;
    this.#before = recorded.after;
    return { entry: recorded.entry, durationMs: performance.now() - startedAt };
  }

  #append({ model }: AddressedModel, facts: Facts): Promise<HistoryEntry> {
    const { history, git, autoSnapshot } = this.#options;
    const { applied } = facts;
    const version = currentVersion(applied);
    const name = applied.at(-1)?.name ?? '';
    const entry: NewHistoryEntry = {
      ...{ version, name, tool, from: this.#last?.version ?? null, git },
      ...{ checksum: versionChecksum(model), partial: isPartial(model) },
      ...{ fileChecksum: null, up: null, down: null, renames: [] },
      ...{ durationMs: null, snapshotId: null, ...facts },
    };
    return history.append(entry, autoSnapshot ? model : null);
  }
}

function identified({ model, addresses }: AddressedModel): IdentifiedObject[] {
  return model.objects.flatMap(({ kind, name }, index) => {
    const at = addresses[index];
    return at ? [{ kind, name, identity: `${at.class}/${at.id}/${at.sub}` }] : [];
  });
}

/** What was renamed between two readings of one database. */
export function renamesOf(before: AddressedModel, after: AddressedModel): Rename[] {
  return findRenames(identified(before), identified(after));
}
