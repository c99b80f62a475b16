import type { MigrationScript } from '../../domain/migration.js';
import type { Statement } from '../../postgres/parse-sql.js';

/** A statement of a file, with the data that follows it there. */
export interface FileStatement extends Statement {
  readonly file: string;
  /** Of `COPY … FROM stdin`; null of others. */
  readonly data: string | null;
}

/** Statements that are run together: in one transaction, or one by one in one session. */
export interface FileRun {
  readonly script: MigrationScript;
  readonly statements: readonly FileStatement[];
}
