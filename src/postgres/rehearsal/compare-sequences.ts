import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import type { RehearsedSequence } from '../../domain/rehearsal.js';
import type { Session } from '../session.js';
import { recordSchema } from '../sql/record-backups.js';
import { readSequenceValues } from '../sql/tables.js';

interface SequenceFacts extends QualifiedName {
  readonly oid: number;
  readonly increment: string;
}

const sequencesPerQuery = 500;

/** Sequences of which the last value that was given is another now, by OID. */
export async function compareSequences(sides: {
  readonly before: Session;
  readonly after: Session;
}): Promise<RehearsedSequence[]> {
  const before = await readLastValues(sides.before);
  const after = await readLastValues(sides.after);
  const result: RehearsedSequence[] = [];
  for (const oid of new Set([...before.keys(), ...after.keys()])) {
    const [then, now] = [before.get(oid), after.get(oid)];
    if (then?.value === now?.value) continue;
    const sequence = then?.name ?? now?.name ?? '';
    result.push({ sequence, before: then?.value ?? null, after: now?.value ?? null });
  }
  return result.sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
}

/** The value that the next one follows: of a sequence that has given none, the one before its start. */
async function readLastValues(
  session: Session,
): Promise<Map<number, { readonly name: string; readonly value: string }>> {
  const sequences = await session.query<SequenceFacts>(
    `SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
            s.seqincrement::text AS increment
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
      WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' AND n.nspname <> $1
      ORDER BY c.oid`,
    [recordSchema],
    'listing the sequences',
  );
  const result = new Map<number, { name: string; value: string }>();
  for (let at = 0; at < sequences.length; at += sequencesPerQuery) {
    const chunk = sequences.slice(at, at + sequencesPerQuery);
    for (const { index, lastValue, isCalled } of await readSequenceValues(session, chunk)) {
      const facts = chunk[index];
      if (!facts) continue;
      const value = isCalled ? lastValue : String(BigInt(lastValue) - BigInt(facts.increment));
      result.set(facts.oid, { name: formatQualifiedName(facts), value });
    }
  }
  return result;
}
