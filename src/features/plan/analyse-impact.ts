import type { Finding } from '../../domain/impact/finding.js';
import type { MigrationScript } from '../../domain/migration.js';
import type { Statement } from '../../postgres/parse-sql.js';

/** A script whose statements were read, and what each of them does. */
export interface AnalysedScript {
  readonly script: MigrationScript;
  readonly statements: readonly AnalysedStatement[];
}

export interface AnalysedStatement {
  readonly statement: Statement;
  /** From 1, over all scripts. */
  readonly index: number;
  readonly findings: readonly Finding[];
}
