import { type Finding, finding } from '../finding.js';
import type { Dropped, World } from '../world.js';
import { feltLock } from './felt-lock.js';

/** How the removal of an object of some kind is called. Other kinds: "drop-object". */
const ruleOfKind: Readonly<Record<string, string>> = {
  view: 'drop-view',
  'materialized view': 'drop-materialized-view',
  'foreign table': 'drop-foreign-table',
  sequence: 'drop-sequence',
  index: 'drop-index',
  type: 'drop-type',
  domain: 'drop-type',
  schema: 'drop-schema',
  extension: 'drop-extension',
  function: 'drop-function',
  procedure: 'drop-function',
  aggregate: 'drop-function',
  trigger: 'drop-trigger',
  policy: 'drop-policy',
  rule: 'drop-rule',
  constraint: 'drop-constraint',
  'default value': 'drop-default',
};

const reasonOfKind: Readonly<Record<string, string>> = {
  view: 'the view goes; it keeps no rows of its own',
  'materialized view': 'the materialized view goes; its rows can be computed again',
  'foreign table': 'the foreign table goes; its rows lie outside of this database',
  sequence: 'the sequence goes with its value: one made anew begins again',
  index: 'the index goes; rows stay as they are',
  constraint: 'the constraint goes: from now on nothing checks it; rows stay as they are',
  trigger: 'the trigger goes: from now on it does not fire; rows stay as they are',
  policy: 'the policy goes; rows stay as they are',
  'default value': 'the default goes: new rows get none; rows that are there stay as they are',
};

/** Parts that nobody has made by name. */
export const implicitKinds = new Set(['internal', 'array type', 'row type', 'expression']);

/** Kinds that are parts of a table or column: said only where that stays. */
export const partKinds = new Set([
  ...['constraint', 'trigger', 'policy', 'rule', 'default value', 'index', 'statistics object'],
]);

/** The removal of anything but tables and columns. */
export function objectLoss(
  world: World,
  dropped: Pick<Dropped, 'kind' | 'name' | 'because' | 'self' | 'relation'>,
): Finding {
  const { kind, name, because, self, relation } = dropped;
  const holder = kind === 'index' || partKinds.has(kind) ? relation : self;
  const hasLock = holder !== null && holder.live !== null && kind !== 'statistics object';
  const isNewSequence = self?.isNew === true;
  return finding({
    rule: ruleOfKind[kind] ?? 'drop-object',
    operation: kind === 'default value' ? 'DROP DEFAULT' : `DROP ${kind.toUpperCase()}`,
    ...{ object: name, because },
    safety: kind === 'sequence' && !isNewSequence ? 'DATA_LOSS' : 'SAFE',
    reason: reasonOfKind[kind] ?? `the ${kind} goes; rows stay as they are`,
    ...(hasLock ? feltLock(world, holder) : {}),
  });
}
