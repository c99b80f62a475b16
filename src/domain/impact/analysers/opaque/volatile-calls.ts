import { type Finding, finding } from '../../finding.js';
import { printedName, printedPart } from '../../world/printed-names.js';
import { namesOf, nodesAt, qualifiedNameOf, walk } from '../../world/tree.js';
import type { World } from '../../world.js';

/** PostgreSQL's own functions that are volatile and still leave rows and tables as they are. */
const harmless = new Set(
  `random random_normal setseed clock_timestamp statement_timestamp timeofday now transaction_timestamp nextval currval lastval
  gen_random_uuid uuidv4 uuidv7 pg_sleep pg_sleep_for pg_sleep_until set_config current_setting pg_notify
  pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_unlock_all
  pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared txid_current pg_current_xact_id txid_status
  pg_table_size pg_relation_size pg_total_relation_size pg_database_size pg_indexes_size pg_size_pretty
  pg_get_serial_sequence pg_typeof version pg_stat_get_activity pg_is_in_recovery pg_backend_pid count sum min max avg
  pg_input_is_valid pg_column_size current_query`.split(/\s+/),
);

export const opaqueReason =
  'runs code whose effect is not known before it runs: `belay rehearse` measures it on a copy';

/** Functions that a statement calls and that may change something; each once. */
export function volatileCalls(tree: unknown, world: World): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const [kind, content] of walk(tree)) {
    if (kind !== 'FuncCall' && kind !== 'funccall') continue;
    const call = describeCall(namesOf(nodesAt(content, 'funcname')), world);
    if (call) found.set(call.object, call);
  }
  return [...found.values()];
}

function describeCall(parts: readonly string[], world: World): Finding | undefined {
  const { schema, name } = qualifiedNameOf(parts);
  const isOwn = schema !== 'pg_catalog';
  const routines = world.catalog.routines.filter(
    (one) => isOwn && one.name === name && (schema === undefined || one.schema === schema),
  );
  const isMade = isOwn && world.findObject('function', { schema, name })?.isNew === true;
  const routine = routines.find(({ volatility }) => volatility === 'v');
  if (!routine && !isMade) {
    // With one of the user's of that name it is that one which is called, or nothing here knows which.
    if (routines.length > 0) return undefined;
    if (!world.catalog.volatileFunctions.has(name) || harmless.has(name)) return undefined;
  }
  const shown = routine?.schema ?? schema;
  return finding({
    ...{ rule: 'opaque-code', operation: 'CALL', safety: 'UNSAFE', reason: opaqueReason },
    object: `${shown === undefined ? printedPart(name) : printedName(shown, name)}()`,
    unmeasured:
      name === 'setval' && !routine ? 'it sets a sequence' : 'the function may change any rows',
  });
}
