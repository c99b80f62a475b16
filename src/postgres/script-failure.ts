import type { MigrationScript } from '../domain/migration.js';
import { BelayError, toBelayError } from '../errors.js';
import { howToMark } from './check-script.js';
import { type Statement, shorten } from './parse-sql.js';
import { sqlStateOf } from './pg-error.js';

/** Where a script was when it failed. */
export interface ScriptPlace {
  readonly script: MigrationScript;
  /** Undefined: at its end, when deferred constraints were checked or it was committed. */
  readonly statement: Statement | undefined;
  /** What had run before it and, without a transaction, stays. */
  readonly ran: readonly Statement[];
}

/** What PostgreSQL says of an error. */
interface ServerError {
  readonly message?: string;
  readonly detail?: string;
  readonly hint?: string;
  /** From 1, in code points of the statement. */
  readonly position?: string;
}

const activeTransaction = '25001';
const unsafeNewEnumValue = '55P04';
const lockNotAvailable = '55P03';
const diskFull = '53100';

const lostConnection = new Set(['SERVER_GONE', 'SERVER_UNREACHABLE']);

/** Statements in whose text a password may be. */
const secretKinds =
  /^(?:(?:Create|Alter)(?:Role|UserMapping|Subscription|ForeignServer|Fdw)|AlterRoleSet)/;

export const mayHoldPassword = (kind: string): boolean => secretKinds.test(kind);

/** A statement in one line, for messages; of one that may hold a password only how it begins. */
export function describeStatement({ sql, kind }: Statement): string {
  if (!mayHoldPassword(kind)) return shorten(sql);
  return `${sql.split(/\s+/, 3).join(' ')} … (not shown: it may hold a password)`;
}

/** Makes the error of a script out of what the server said, with file, line and statement. */
export function scriptFailure(thrown: unknown, place: ScriptPlace): BelayError {
  const error = toBelayError(thrown);
  const sqlState = sqlStateOf(error);
  if (lostConnection.has(error.code)) return lostFailure(error, place);
  if (error.code === 'INTERRUPTED') {
    return new BelayError(error.code, error.message, { hint: whatIsLeft(place) });
  }
  if (sqlState === undefined) return error;
  const { script, statement, ran } = place;
  const said = (error.cause ?? {}) as ServerError;
  const line = lineOf(place, said);
  const text = statement ? describeStatement(statement) : null;
  const where = text === null ? 'at its end' : `line ${line}`;
  const why = [said.message ?? error.message, said.detail && `(${said.detail})`];
  const message = `${script.file}, ${where}: ${why.filter(Boolean).join(' ')}${text === null ? '' : `, in: ${text}`}`;
  // What can be had by trying again has a code of its own.
  const code = sqlState === lockNotAvailable ? 'LOCK_TIMEOUT' : 'MIGRATION_FAILED';
  return new BelayError(code, message, {
    hint: [hintOf(sqlState, said), whatIsLeft(place)].filter(Boolean).join(' '),
    details: {
      ...{ file: script.file, line, statement: text, sqlState },
      ...{ message: said.message ?? null, detail: said.detail ?? null, hint: said.hint ?? null },
      ...(script.inTransaction ? {} : { ran: ran.map(describeStatement) }),
    },
    cause: error.cause,
  });
}

function lostFailure(error: BelayError, place: ScriptPlace): BelayError {
  const { script, statement } = place;
  const where = statement ? `line ${statement.line}` : 'at its end';
  // A COMMIT whose answer was lost may have been done.
  const left =
    script.inTransaction && !statement
      ? 'Whether it was committed `belay migrate status` says.'
      : whatIsLeft(place);
  return new BelayError(error.code, `${script.file}, ${where}: ${error.message}`, {
    hint: left,
    details: { file: script.file, line: statement?.line ?? null },
    cause: error.cause,
  });
}

/** PostgreSQL says where in the statement it is; in a long one that is another line. */
function lineOf({ statement }: ScriptPlace, { position }: ServerError): number | null {
  if (!statement) return null;
  const before = [...statement.sql].slice(0, Math.max(0, Number(position ?? 1) - 1));
  return statement.line + before.filter((character) => character === '\n').length;
}

function hintOf(sqlState: string, { hint }: ServerError): string {
  if (sqlState === activeTransaction) return howToMark;
  if (sqlState === unsafeNewEnumValue) {
    return 'Add the value in a migration of its own, before the one that uses it.';
  }
  if (sqlState === lockNotAvailable) {
    return 'Something else holds a lock on it: `SELECT * FROM pg_stat_activity` shows it; run it again later.';
  }
  if (sqlState === diskFull) {
    return 'The server has no room left: free some, e.g. with `belay prune`, or back up to files instead, and run it again.';
  }
  return hint ? `${hint}${/[.!?]$/.test(hint) ? '' : '.'}` : '';
}

function whatIsLeft({ script, ran }: ScriptPlace): string {
  if (script.inTransaction) return 'Nothing of it was kept: the transaction was rolled back.';
  if (ran.length === 0) return 'None of its statements before had any effect.';
  const last = ran.at(-1)?.line;
  return `It runs without a transaction: ${ran.length} of its statements (up to line ${last}) had run and stay. The next time it runs from its beginning, so it has to be repeatable (IF NOT EXISTS); an index that CONCURRENTLY left invalid has to be dropped.`;
}
