import type { Measurement } from '../../../domain/impact/measure.js';
import { quoteLiteral } from '../../session.js';
import { type Conversion, shownRows } from './conversion.js';
import { shortened } from './keys.js';
import { asNumber, type Reading, Refusal } from './reading.js';

/** Pages that are tried at once. One failing value in them makes their rows be tried one by one. */
const pagesAtOnce = 16;

/**
 * Counts by trying: each range of pages at once, and where one fails each of its rows. A DO block can do that in a read-only
 * transaction and without any rights; it hands over what it has found in a setting of the transaction. It ends by
 * itself before the timeout would end it, with what it has found until then.
 */
export async function tryConversion(
  reading: Reading,
  conversion: Conversion,
  key: string,
): Promise<Measurement> {
  const { table } = conversion.measure;
  const timeoutMs = reading.leftMs;
  const row = await reading.attemptRows(
    `DO ${quoteLiteral(program(conversion, key, { timeoutMs, samples: reading.options.samples }))};
     SELECT pg_catalog.current_setting('belay.tried') AS tried`,
    { searchPath: table.searchPath, table },
  );
  if (row instanceof Refusal) return unknown(row.why);
  return measured(JSON.parse(String(row[0]?.tried)) as Tried, conversion);
}

interface Tried {
  readonly fails: string;
  readonly changed: string;
  readonly isCut: boolean;
  readonly samples: readonly string[] | null;
}

export const unknown = (why: string): Measurement => ({
  ...{ count: null, changed: null, total: null, measured: 'unknown', why, samples: [] },
});

function measured({ fails, changed, isCut, samples }: Tried, { remark }: Conversion): Measurement {
  const found = { total: null, samples: samples ?? [] };
  if (!isCut) {
    const [count, others] = [asNumber(fails), asNumber(changed)];
    return { ...found, count, changed: others, measured: 'exact', why: remark };
  }
  const why = 'trying all values took too long';
  const atLeast = asNumber(fails);
  const cut: Measurement = { ...unknown(why), ...found };
  return atLeast > 0 ? { ...cut, atLeast } : cut;
}

interface ProgramOptions {
  readonly timeoutMs: number;
  readonly samples: number;
}

function program(conversion: Conversion, key: string, options: ProgramOptions): string {
  const { measure, onlyByAssignment } = conversion;
  const { table } = measure;
  const relations = table.only
    ? `SELECT ${table.oid}::oid`
    : `WITH RECURSIVE tree (oid) AS (
         SELECT ${table.oid}::oid UNION ALL
         SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree t ON i.inhparent = t.oid)
       SELECT oid FROM tree`;
  const untilMs = Math.max(1, Math.round(options.timeoutMs * 0.9));
  return `
DECLARE
  stop_at CONSTANT pg_catalog.timestamptz := pg_catalog.clock_timestamp() + interval '${untilMs} ms';
  is_cut boolean := false;
  relation record; page bigint; place tid; place_from tid; place_to tid;
  n bigint; fails bigint := 0; changed bigint := 0; shown text; samples text[] := '{}';
  is_changed boolean;${onlyByAssignment ? ` new_value ${measure.to};` : ''}
BEGIN
  <<relations>>
  FOR relation IN SELECT c.oid::pg_catalog.regclass::text AS name, c.relkind::text AS kind,
      CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END
        / pg_catalog.current_setting('block_size')::bigint AS pages
    FROM (${relations}) AS r (oid) JOIN pg_catalog.pg_class c ON c.oid = r.oid
  LOOP
    IF relation.kind = 'f' THEN RAISE feature_not_supported; END IF;
    page := 0;
    WHILE page < relation.pages LOOP
      IF pg_catalog.clock_timestamp() > stop_at THEN is_cut := true; EXIT relations; END IF;
      place_from := ('(' || page || ',0)')::tid;
      page := page + ${pagesAtOnce};
      place_to := ('(' || page || ',0)')::tid;
      ${tryBlock(conversion, tryRows(conversion, key, options))}
    END LOOP;
  END LOOP;
  PERFORM pg_catalog.set_config('belay.tried', pg_catalog.json_build_object('fails', fails::text,
    'changed', changed::text, 'isCut', is_cut, 'samples', samples)::text, true);
END`;
}

const ofBlock = "|| relation.name || ' WHERE ctid >= $1 AND ctid < $2'";
const ofRow = "|| relation.name || ' WHERE ctid = $1'";

const select = (sql: string) => quoteLiteral(`SELECT ${sql} FROM ONLY `);

function tryBlock({ changes, converted, onlyByAssignment }: Conversion, rows: string): string {
  if (onlyByAssignment) return rows;
  const tried = changes ?? `(${converted}) IS NULL AND false`;
  return `BEGIN
        EXECUTE ${select(`pg_catalog.count(*) FILTER (WHERE ${tried})`)} ${ofBlock}
          INTO n USING place_from, place_to;
        changed := changed + n;
      EXCEPTION WHEN OTHERS THEN ${rows}
      END;`;
}

function tryRows(conversion: Conversion, key: string, { samples }: ProgramOptions): string {
  const { value, converted, changes, onlyByAssignment } = conversion;
  const { failing, changed } = shownRows(conversion, key);
  const show = (text: string) => `IF pg_catalog.cardinality(samples) < ${samples} THEN BEGIN
              EXECUTE ${select(shortened(text))} ${ofRow} INTO shown USING place;
              samples := samples || shown;
            EXCEPTION WHEN OTHERS THEN NULL; END; END IF;`;
  const convert = onlyByAssignment
    ? // Putting it into a variable of the type is an assignment.
      `EXECUTE ${select(value)} ${ofRow} INTO new_value USING place;`
    : `EXECUTE ${select(`(${converted}) IS NULL`)} ${ofRow} INTO is_changed USING place;`;
  return `FOR place IN EXECUTE ${select('ctid')} ${ofBlock} USING place_from, place_to LOOP
          IF pg_catalog.clock_timestamp() > stop_at THEN is_cut := true; EXIT relations; END IF;
          BEGIN
            ${convert}
          EXCEPTION WHEN OTHERS THEN
            fails := fails + 1;
            ${show(failing)}
            CONTINUE;
          END;
          BEGIN
            EXECUTE ${select(changes ?? 'false')} ${ofRow} INTO is_changed USING place;
          EXCEPTION WHEN OTHERS THEN
            -- It cannot be converted back: so it is another value.
            is_changed := true;
          END;
          IF is_changed THEN
            changed := changed + 1;
            ${show(changed)}
          END IF;
        END LOOP;`;
}
