import { formatQualifiedName, type QualifiedName } from '../domain/qualified-name.js';
import { quoteLiteral, type Session } from './session.js';
import { quoteQualifiedName } from './sql/tables.js';

/** A statement locks each of its sequences; the server's table of locks is small. */
const sequencesPerQuery = 500;

interface SequenceToSettle extends QualifiedName {
  readonly writable: boolean;
}

/**
 * Makes the values of all sequences survive a crash of the server as they are, by setting each to the value that it has.
 *
 * A sequence writes to the log only every 32nd value, and notes on its page how many values that covers. Two things
 * follow. A crash moves a sequence ahead to the logged value: a snapshot that was counted before would then
 * differ from its record. And `STRATEGY WAL_LOG` copies the page with its note into a database whose log holds
 * no such value: the copy's sequence hands out up to 32 values without a word in the log, and after a crash it
 * hands them out again (tried on 15 and 18). `setval` writes the value itself, and clears the note.
 *
 * @returns the sequences that the role may not set
 */
export async function settleSequences(session: Session): Promise<string[]> {
  const sequences = await session.query<SequenceToSettle>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name,
            has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT')
              AND has_sequence_privilege(c.oid, 'UPDATE') AS writable
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND c.relpersistence = 'p'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      ORDER BY c.oid`,
    [],
    'listing the sequences',
  );
  const writable = sequences.filter((sequence) => sequence.writable);
  for (let at = 0; at < writable.length; at += sequencesPerQuery) {
    const settings = writable
      .slice(at, at + sequencesPerQuery)
      .map((sequence) => settleSql(quoteQualifiedName(sequence)));
    await session.execute(settings.join('\nUNION ALL '), 'settling the sequences');
  }
  return sequences.filter((sequence) => !sequence.writable).map(formatQualifiedName);
}

function settleSql(quoted: string): string {
  return `SELECT setval(${quoteLiteral(quoted)}::regclass, last_value, is_called) FROM ${quoted}`;
}
