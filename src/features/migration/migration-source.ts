import type { AppliedMigration, MigrationFile } from '../../domain/migration.js';
import type { Session } from '../../postgres/session.js';

/** A project's migrations, whoever runs them. */
export interface MigrationSource {
  /** "belay" for Belay's own runner, else the tool's name. */
  readonly tool: string;
  /** How its migrations are applied, for people: `belay migrate up`, `npx prisma migrate deploy`. */
  readonly upCommand: string;
  /** Where its files are, relative to the working directory; null where they are not known. */
  readonly directory: string | null;
  /** Relations of the tool's own in the database, as the schema model names them ("public._prisma_migrations"). */
  readonly ownRelations: readonly string[];
  /** The project's migrations in the order in which they are applied; none without a folder. */
  readFiles(): Promise<readonly MigrationFile[]>;
  /**
   * What the database says is applied, in the order of application; null where it has no record.
   * @throws BelayError HISTORY_DAMAGED where the record has not the shape that the tool documents
   */
  readApplied(session: Session): Promise<readonly AppliedMigration[] | null>;
  /**
   * Takes migrations out of the tool's own record, after a rollback has taken back what they did, so that the tool
   * will apply them again. Part of the transaction that the session is in.
   */
  forget(session: Session, versions: readonly string[]): Promise<void>;
}
