import { family } from './impact-scope.js';

const isHeld = (oid: string): string => `(${oid} IN (SELECT oid FROM held))`;

/** What would wait for a held table; then what stands for it, where there is something. */
function notHeld(sql: string, instead = 'NULL', isThere = 'true', held = 'c.is_held'): string {
  return `CASE WHEN NOT ${held} THEN ${sql} WHEN ${isThere} THEN ${instead} END`;
}

const isStored = `c.relkind IN ('r', 'm')`;

/** Functions that open a table would wait for whoever holds it; its pages at the last ANALYZE will do then. */
const size = `CASE WHEN NOT ${isStored} THEN 0
                   WHEN c.is_held THEN c.relpages::bigint * current_setting('block_size')::int
                   ELSE pg_relation_size(c.oid) + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_relation_size(c.reltoastrelid) END END`;

const writes = `CASE WHEN ${isStored} THEN pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
                                         + pg_stat_get_tuples_deleted(c.oid) END`;

const reads = `CASE WHEN ${isStored} THEN pg_stat_get_numscans(c.oid) + coalesce(i.scans, 0) END`;

export const relationsSql = family(
  [
    ...['c.oid', 'c.relname', 'c.nspname', 'c.relkind', 'c.relpersistence'],
    ...['pg_get_userbyid(c.relowner)', 'c.reltuples', size, writes, reads],
    `has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(c.relnamespace, 'USAGE')`,
    // The policies apply to the role, whatever row_security says.
    ...['c.relrowsecurity AND row_security_active(c.oid)', 'c.relrowsecurity'],
    ...['p.parents', 'c.relispartition'],
    `CASE WHEN c.relkind IN ('v', 'm') AND NOT EXISTS (SELECT FROM held) THEN pg_get_viewdef(c.oid) END`,
    ...['k.partstrat', 'k.partattrs', notHeld('pg_get_expr(k.partexprs, k.partrelid)')],
    notHeld('pg_get_expr(c.relpartbound, c.oid)'),
    notHeld('CASE WHEN c.relispartition THEN pg_get_partition_constraintdef(c.oid) END'),
  ],
  `FROM relations c
   LEFT JOIN (SELECT inhrelid, array_agg(inhparent ORDER BY inhseqno) AS parents FROM pg_inherits GROUP BY 1) p
     ON p.inhrelid = c.oid
   LEFT JOIN (SELECT indrelid, sum(pg_stat_get_numscans(indexrelid)) AS scans FROM pg_index GROUP BY 1) i
     ON i.indrelid = c.oid
   LEFT JOIN pg_partitioned_table k ON k.partrelid = c.oid`,
);

export const columnsSql = family(
  [
    ...[
      'a.attrelid',
      'a.attnum',
      'a.attname',
      'format_type(a.atttypid, a.atttypmod)',
      'a.atttypid',
    ],
    ...[
      'a.attnotnull',
      notHeld('pg_get_expr(d.adbin, d.adrelid)', `'NULL'`, 'd.oid IS NOT NULL'),
      'd.oid',
    ],
    ...[`nullif(a.attidentity, '')`, `nullif(a.attgenerated, '')`],
    `CASE WHEN a.attcollation <> y.typcollation THEN a.attcollation::regcollation END`,
    ...['a.attislocal', 'a.attinhcount'],
  ],
  `FROM relations c
   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   JOIN pg_type y ON y.oid = a.atttypid
   LEFT JOIN pg_attrdef d ON a.atthasdef AND d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE c.relkind <> 'S'`,
);

export const constraintsSql = (serverVersion: number): string =>
  family(
    [
      ...[
        'k.oid',
        'k.conname',
        'k.conrelid',
        'k.contypid',
        'k.contype',
        'k.convalidated',
        'k.condeferrable',
      ],
      ...[
        notHeld('pg_get_constraintdef(k.oid)', `''`, 'true', isHeld('k.conrelid')),
        'k.conkey',
        'k.confrelid',
        'k.confkey',
      ],
      ...[
        `CASE WHEN k.contype = 'f' THEN k.confdeltype END`,
        `CASE WHEN k.contype = 'f' THEN k.confupdtype END`,
      ],
      ...['k.conindid', 'k.conparentid'],
      `CASE WHEN k.contype = 'c' AND NOT ${isHeld('k.conrelid')} THEN pg_get_expr(k.conbin, k.conrelid) END`,
      ...[`k.confmatchtype = 'f'`, serverVersion >= 180000 ? 'k.conenforced' : 'true'],
    ],
    'FROM pg_constraint k JOIN spaces n ON n.oid = k.connamespace WHERE n.is_users OR k.oid >= 16384',
  );

export const indexesSql = family(
  [
    ...[
      'x.oid',
      'x.relname',
      'n.nspname',
      'i.indrelid',
      'i.indisunique',
      'i.indisprimary',
      'i.indisvalid',
    ],
    ...[
      'i.indimmediate',
      'i.indkey',
      'i.indnkeyatts',
      notHeld('pg_get_expr(i.indpred, i.indrelid)', `'true'`, 'i.indpred IS NOT NULL'),
    ],
    notHeld('pg_get_indexdef(x.oid)', `''`),
    `CASE WHEN x.relkind = 'I' THEN 0
          WHEN c.is_held THEN x.relpages::bigint * current_setting('block_size')::int ELSE pg_relation_size(x.oid) END`,
  ],
  `FROM pg_index i JOIN relations c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
   JOIN spaces n ON n.oid = x.relnamespace`,
);

export const triggersSql = family(
  ['t.oid', 't.tgname', 't.tgrelid', 't.tgenabled', notHeld('pg_get_triggerdef(t.oid)', `''`)],
  'FROM pg_trigger t JOIN relations c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal',
);
