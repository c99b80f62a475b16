import { literal, withoutArguments } from './ddl-names.js';
import { type Alterer, type Creator, type Draft, draft, draftIf } from './ddl-statement.js';
import { KnownObject, type KnownSchema } from './known-schema.js';

const enablings: Readonly<Record<string, string>> = {
  disabled: 'DISABLE',
  replica: 'ENABLE REPLICA',
  always: 'ENABLE ALWAYS',
};

const enabling = (object: KnownObject): string =>
  enablings[object.text('enabled') ?? ''] ?? 'ENABLE';

/** A partition's copy of the trigger of the table that it is a partition of. */
function isCopy(trigger: KnownObject, schema: KnownSchema): boolean {
  const parent = schema.find('table', trigger.on)?.text('partition of');
  if (parent === undefined) return false;
  const original = schema.find('trigger', `${parent}.${trigger.ownName}`);
  if (original) return true;
  const table = schema.find('table', parent);
  return (
    table !== undefined &&
    isCopy(
      new KnownObject({ kind: 'trigger', name: `${parent}.${trigger.ownName}` }, { on: parent }),
      schema,
    )
  );
}

function enableTrigger(trigger: KnownObject, schema: KnownSchema): Draft {
  // After those of the tables that it is a partition of, which take the copies along.
  const phase = isCopy(trigger, schema) ? 'publication' : 'enabling';
  return draft(phase, `ALTER TABLE ${trigger.on} ${enabling(trigger)} TRIGGER ${trigger.ownName}`);
}

const trigger: Creator = (object, schema) => [
  ...draftIf(!isCopy(object, schema), 'reaction', () => object.need('definition')),
  ...(object.has('enabled') ? [enableTrigger(object, schema)] : []),
];

const alterTrigger: Alterer = (before, after, schemas) => {
  if (before.text('definition') !== after.text('definition')) return undefined;
  return before.text('enabled') === after.text('enabled')
    ? []
    : [enableTrigger(after, schemas.after)];
};

const enableRule = (rule: KnownObject): Draft =>
  draft('enabling', `ALTER TABLE ${rule.on} ${enabling(rule)} RULE ${rule.ownName}`);

const rule: Creator = (object) => [
  draft('reaction', object.need('definition').replace(/;\s*$/, '')),
  ...(object.has('enabled') ? [enableRule(object)] : []),
];

const alterRule: Alterer = (before, after) => {
  if (before.text('definition') !== after.text('definition')) return undefined;
  return before.text('enabled') === after.text('enabled') ? [] : [enableRule(after)];
};

const policy: Creator = (object) => {
  const using = object.text('using');
  const check = object.text('with check');
  return [
    draft(
      'reaction',
      `CREATE POLICY ${object.ownName} ON ${object.on}` +
        (object.has('restrictive') ? ' AS RESTRICTIVE' : '') +
        ` FOR ${object.need('command').toUpperCase()} TO ${object.list('roles').join(', ')}` +
        (using === undefined ? '' : ` USING (${using})`) +
        (check === undefined ? '' : ` WITH CHECK (${check})`),
    ),
  ];
};

const statisticsTarget = (object: KnownObject): string =>
  `ALTER STATISTICS ${object.name} SET STATISTICS ${object.text('statistics') ?? '-1'}`;

const statistics: Creator = (object) => [
  draft('reaction', object.need('definition')),
  ...draftIf(object.has('statistics'), 'enabling', () => statisticsTarget(object)),
];

const alterStatistics: Alterer = (before, after) => {
  if (before.text('definition') !== after.text('definition')) return undefined;
  return draftIf(before.text('statistics') !== after.text('statistics'), 'enabling', () =>
    statisticsTarget(after),
  );
};

const enableEventTrigger = (object: KnownObject): Draft =>
  draft('event trigger', `ALTER EVENT TRIGGER ${object.name} ${enabling(object)}`);

const eventTrigger: Creator = (object) => {
  const tags = object.list('tags').map((tag) => literal(tag).trim());
  return [
    draft(
      'event trigger',
      `CREATE EVENT TRIGGER ${object.name} ON ${object.need('event')}` +
        (tags.length === 0 ? '' : ` WHEN TAG IN (${tags.join(', ')})`) +
        ` EXECUTE FUNCTION ${withoutArguments(object.need('function'))}()`,
    ),
    ...(object.has('enabled') ? [enableEventTrigger(object)] : []),
  ];
};

const alterEventTrigger: Alterer = (before, after) => {
  const isSame =
    ['event', 'function'].every((key) => before.text(key) === after.text(key)) &&
    before.list('tags').join('\n') === after.list('tags').join('\n');
  if (!isSame) return undefined;
  return before.text('enabled') === after.text('enabled') ? [] : [enableEventTrigger(after)];
};

export const reactionCreators: Readonly<Record<string, Creator>> = {
  trigger,
  rule,
  policy,
  'statistics object': statistics,
  'event trigger': eventTrigger,
};

export const reactionAlterers: Readonly<Record<string, Alterer>> = {
  trigger: alterTrigger,
  rule: alterRule,
  'statistics object': alterStatistics,
  'event trigger': alterEventTrigger,
};
