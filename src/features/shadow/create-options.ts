import type { SessionPolicy } from '../../domain/database-session.js';
import type { DeclarativeOptions } from '../plan/declarative-script.js';
import type { CommandOptions } from '../rehearsal/run-on-copy.js';
import type { WorkOptions } from '../target/work.js';

export interface CreateShadowOptions
  extends WorkOptions,
    Omit<CommandOptions, 'signal' | 'reporter' | 'cwd'>,
    Pick<DeclarativeOptions, 'renames' | 'noRenames' | 'askRenames'> {
  /** Files of SQL, one folder of migrations, `OLD.sql:NEW.sql`, or a text. Neither these nor a command: what is pending. */
  readonly inputs?: readonly string[] | { readonly stdin: string | Uint8Array } | undefined;
  readonly command?: readonly [string, ...string[]] | undefined;
  /** Variables of psql in files. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /**
   * "clone": by the server, which nobody else may use for that moment. "copy": table by table, while it is used. Default
   * "auto": a clone where that disturbs nobody for long.
   */
  readonly method?: 'auto' | 'clone' | 'copy' | undefined;
  /** How what changes later is found; default "auto": by logical replication where that is possible. */
  readonly replication?: 'auto' | 'logical' | 'scan' | undefined;
  /** Tables that are copied, and indexes that are built, at the same time; default 2. */
  readonly jobs?: number | undefined;
  /** Sessions in the target while it is cloned; default "wait". */
  readonly sessions?: SessionPolicy | undefined;
}

export interface ShadowCreation {
  readonly ok: true;
  /** Of the shadow. */
  readonly database: string;
  /** Without a password. */
  readonly url: string;
  readonly method: 'clone' | 'copy';
  readonly replication: 'logical' | 'scan';
  /** Why not by logical replication, where that was wanted; null: it is, or it was not wanted. */
  readonly whyScan: string | null;
  readonly tables: readonly ShadowTableSummary[];
  readonly migrationMs: number;
  readonly notes: readonly string[];
  readonly durationMs: number;
}

export interface ShadowTableSummary {
  /** "schema.table" in the shadow. */
  readonly table: string;
  readonly rows: number;
  /** The migration has changed its rows: those that arrive later lack that. */
  readonly transformed: boolean;
}
