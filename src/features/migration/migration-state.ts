import { loadConfig } from '../../config/load-config.js';
import type { AppliedVersion, HistoryEntry } from '../../domain/history.js';
import {
  type AppliedMigration,
  type MigrationFile,
  type MigrationScript,
  versionBeforeFirst,
} from '../../domain/migration.js';
import { type HistoryAccess, withHistory } from '../schema/with-history.js';
import type { Target } from '../target/open-target.js';
import { belaySource } from './belay-source.js';
import { findMigrationSource } from './find-source.js';
import type { MigrationSource } from './migration-source.js';

/** Where a database stands: which migrations are in force, and what was recorded on the way. */
export interface MigrationState extends HistoryAccess {
  readonly entries: readonly HistoryEntry[];
  /** Another tool that applies the migrations; null where Belay does. */
  readonly source: MigrationSource | null;
  /** In force, oldest first. */
  readonly applied: readonly AppliedVersion[];
  readonly files: readonly MigrationFile[];
  /** "0" before the first migration. */
  readonly current: string;
  /** The SQL that takes a migration back, as it was recorded or else as its file has it. */
  downOf(version: string): MigrationScript | null;
}

/** Reads where the target's database stands, with a session in it for as long as `work` runs. */
export async function withMigrationState<T>(
  target: Target,
  work: (state: MigrationState) => Promise<T>,
): Promise<T> {
  const { cwd, env } = target;
  const loaded = await loadConfig({ cwd, env });
  return withHistory(target, async (access) => {
    const { session, history } = access;
    const entries = await history.read();
    const folder = loaded?.directory ?? cwd;
    const config = loaded?.config.migrations;
    const found = await findMigrationSource({ cwd: folder, config, session, env });
    const record = found ? await found.readApplied(session) : null;
    // Files of a tool that has no record here, where Belay has applied migrations.
    const isOwn = !found || (record === null && lastTool(entries) === 'belay');
    const [source, recorded] = isOwn ? [null, null] : [found, record];
    const applied = source ? (recorded ?? []) : (entries.at(-1)?.applied ?? []);
    const directory = config?.directory ?? 'migrations';
    const files = await (source ?? belaySource({ cwd: folder, directory })).readFiles();
    const current = applied.at(-1)?.version ?? entries.at(-1)?.version ?? versionBeforeFirst;
    const downOf = (version: string) => findDown(version, { entries, files, recorded });
    return work({ ...access, entries, source, applied, files, current, downOf });
  });
}

interface DownPlaces {
  readonly entries: readonly HistoryEntry[];
  readonly files: readonly MigrationFile[];
  readonly recorded: readonly AppliedMigration[] | null;
}

/** What was there when the migration was applied counts more than what its file says today. */
function findDown(
  version: string,
  { entries, files, recorded }: DownPlaces,
): MigrationScript | null {
  const up = entries.findLast((entry) => entry.action === 'up' && entry.version === version);
  return (
    up?.down ??
    recorded?.find((one) => one.version === version)?.down ??
    files.find((one) => one.version === version)?.down ??
    null
  );
}

/** Whose migrations were recorded last; states that were recorded by hand are nobody's. */
function lastTool(entries: readonly HistoryEntry[]): string | undefined {
  return entries.findLast(({ tool }) => tool !== 'none')?.tool;
}
