import type { AppliedVersion } from '../../../domain/history.js';
import type { Session } from '../../../postgres/session.js';
import type { MigrationSource } from '../migration-source.js';

/** The migrations of a project that another tool runs, as its files and its own table have them. */
export interface ToolMigrationSource extends MigrationSource {
  /** Whether the tool has its table in the database. */
  hasRecord(session: Session): Promise<boolean>;
  /** What began and failed, or was interrupted, by the tool's record; none where it has no record. */
  readUnfinished(session: Session): Promise<readonly AppliedVersion[]>;
}

/** Where a tool's migrations are looked for. */
export interface ToolProject {
  /** The project's folder, absolute. */
  readonly cwd: string;
  /** The folder of the migrations, relative to the project; null where it is not known. */
  readonly directory: string | null;
  readonly env: NodeJS.ProcessEnv;
  /** In the project's database: tells in which schema the tool has its table. */
  readonly session: Session | undefined;
}

/** Makes the reader of one tool. Reads its configuration, not yet its migrations. */
export type OpenTool = (project: ToolProject) => Promise<ToolMigrationSource>;
