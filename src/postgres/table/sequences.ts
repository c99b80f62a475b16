import type { SequenceValue } from '../../domain/fingerprint.js';
import type { QualifiedName } from '../../domain/qualified-name.js';
import { quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName, readSequenceValues } from '../sql/tables.js';

export async function readSequenceValue(
  session: Session,
  sequence: QualifiedName,
): Promise<SequenceValue> {
  const [{ lastValue, isCalled } = { lastValue: '1', isCalled: false }] = await readSequenceValues(
    session,
    [sequence],
  );
  return { lastValue, isCalled };
}

export async function setSequence(
  session: Session,
  sequence: QualifiedName,
  { lastValue, isCalled }: SequenceValue,
): Promise<void> {
  const name = quoteLiteral(quoteQualifiedName(sequence));
  await session.execute(
    `SELECT setval(${name}::regclass, ${quoteLiteral(lastValue)}, ${isCalled})`,
    `setting the sequence ${sequence.schema}.${sequence.name}`,
  );
}

/**
 * Moves a sequence on to where another one stands, if that is further: a value that was handed out once may be in
 * use outside of the table, and must not be handed out for another row.
 * @returns whether it was moved
 */
export async function keepAhead(
  session: Session,
  sequence: QualifiedName,
  present: QualifiedName,
): Promise<boolean> {
  const [own, other] = [quoteQualifiedName(sequence), quoteQualifiedName(present)];
  const rows = await session.query(
    `SELECT setval(${quoteLiteral(own)}::regclass, p.last_value, p.is_called)
       FROM ${own} o, ${other} p, pg_sequence q, pg_sequence r
      WHERE q.seqrelid = ${quoteLiteral(own)}::regclass AND r.seqrelid = ${quoteLiteral(other)}::regclass
        AND NOT q.seqcycle AND p.last_value BETWEEN q.seqmin AND q.seqmax
        AND sign(q.seqincrement) = sign(r.seqincrement)
        AND (sign(q.seqincrement) * (p.last_value - o.last_value) > 0
             OR (p.last_value = o.last_value AND p.is_called AND NOT o.is_called))`,
    [],
    'comparing the sequences',
  );
  return rows.length > 0;
}
