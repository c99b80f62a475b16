import {
  type Alterer,
  type Creator,
  type Draft,
  draft,
  draftIf,
  type Phase,
} from './ddl-statement.js';
import { schemaOf } from './designations.js';
import { KnownObject } from './known-schema.js';
import { changedOptions, optionList } from './options.js';

/** When a constraint can be made: those that others refer to come first. */
function phaseOf(definition: string): Phase {
  if (definition.startsWith('NOT NULL')) return 'not null';
  if (definition.startsWith('CHECK')) return 'check';
  return definition.startsWith('FOREIGN KEY') ? 'foreign key' : 'key';
}

const constraint: Creator = (object, schema) => {
  const definition = object.need('definition');
  if (schema.find('domain', object.on)) {
    return [
      draft(
        'domain constraint',
        `ALTER DOMAIN ${object.on} ADD CONSTRAINT ${object.ownName} ${definition}`,
      ),
    ];
  }
  const phase = phaseOf(definition);
  // The keys of partitions are objects of their own, which are attached to this one.
  const isPartitioned = schema.find('table', object.on)?.has('partition by') ?? false;
  const only = phase === 'key' && isPartitioned ? 'ONLY ' : '';
  const add = `ALTER TABLE ${only}${object.on} ADD CONSTRAINT ${object.ownName}`;
  const inOne = withOptions(object);
  if (inOne !== undefined) return [draft(phase, `${add} ${inOne}`)];
  return [
    draft(phase, `${add} ${definition}`),
    ...optionDrafts(new KnownObject(object, {}), object),
  ];
};

/** The definition of a key with its options, which those of partitioned tables can be given at no other time. */
function withOptions(object: KnownObject): string | undefined {
  const options = optionList(object.list('options'));
  const parts = /^((?:PRIMARY KEY|UNIQUE) .*?)((?: DEFERRABLE)?(?: INITIALLY DEFERRED)?)$/s.exec(
    object.need('definition'),
  );
  return parts && options !== '' ? `${parts[1]} WITH (${options})${parts[2]}` : undefined;
}

/** The options of a constraint are those of its index, which has its name. */
function optionDrafts(before: KnownObject, after: KnownObject): Draft[] {
  const index = `${schemaOf(after.on)}.${after.ownName}`;
  return changedOptions(before.list('options'), after.list('options')).map((change) =>
    draft('index', `ALTER INDEX ${index} ${change}`),
  );
}

const ending = /(?: NOT VALID| NOT ENFORCED)$/;

const alterConstraint: Alterer = (before, after, schemas) => {
  const [was, is] = [before.need('definition'), after.need('definition')];
  const isValidated = was === `${is} NOT VALID`;
  if ((was !== is && !isValidated) || before.text('attached to') !== after.text('attached to')) {
    return undefined;
  }
  const kind = schemas.after.find('domain', after.on) ? 'DOMAIN' : 'TABLE';
  return [
    ...draftIf(
      isValidated && ending.test(was),
      'foreign key',
      () => `ALTER ${kind} ${after.on} VALIDATE CONSTRAINT ${after.ownName}`,
    ),
    ...optionDrafts(before, after),
  ];
};

const index: Creator = (object, schema) => {
  const definition = object.text('definition');
  const holder = schema.relation(object.on);
  const phase = holder?.kind === 'materialized view' ? 'view index' : 'index';
  const parent = object.text('attached to');
  return [
    ...draftIf(definition !== undefined, phase, () => definition ?? ''),
    ...draftIf(
      parent,
      'attached index',
      () => `ALTER INDEX ${parent} ATTACH PARTITION ${object.name}`,
    ),
    ...indexSettings(new KnownObject(object, {}), object, holder),
  ];
};

/** What an index is to its table, and its statistics. */
function indexSettings(
  before: KnownObject,
  after: KnownObject,
  holder: KnownObject | undefined,
): Draft[] {
  const ownName = after.name.slice(schemaOf(after.name).length + 1);
  const turned = (key: string) => after.has(key) && !before.has(key);
  const isMaterialized = holder?.kind === 'materialized view';
  const table = `ALTER ${isMaterialized ? 'MATERIALIZED VIEW' : 'TABLE'} ${after.on}`;
  const [was, is] = [before.list('statistics'), after.list('statistics')];
  const numbers = new Set([...was, ...is].map((item) => item.split(':')[0] ?? ''));
  return [
    ...draftIf(turned('clustered'), 'enabling', () => `${table} CLUSTER ON ${ownName}`),
    ...draftIf(
      before.has('clustered') && !after.has('clustered'),
      'column',
      () => `${table} SET WITHOUT CLUSTER`,
    ),
    ...draftIf(
      turned('replica identity'),
      'enabling',
      () => `${table} REPLICA IDENTITY USING INDEX ${ownName}`,
    ),
    ...[...numbers].flatMap((number) => {
      const wanted = is.find((item) => item.startsWith(`${number}: `));
      if (wanted !== undefined && was.includes(wanted)) return [];
      const value = wanted?.slice(number.length + 2) ?? '-1';
      return [
        draft(
          'enabling',
          `ALTER INDEX ${after.name} ALTER COLUMN ${number} SET STATISTICS ${value}`,
        ),
      ];
    }),
  ];
}

/** What makes an index another one. */
const fixedOfIndex = ['on', 'owned by', 'definition'];

/** Whether it is valid follows from what it is built of, and from the indexes that are attached to it. */
const alterIndex: Alterer = (before, after, schemas) => {
  const differs = (key: string) => before.text(key) !== after.text(key);
  if (fixedOfIndex.some(differs) || (differs('attached to') && before.has('attached to'))) {
    return undefined;
  }
  return [
    ...draftIf(
      differs('attached to'),
      'attached index',
      () => `ALTER INDEX ${after.need('attached to')} ATTACH PARTITION ${after.name}`,
    ),
    ...draftIf(
      before.has('invalid') && !after.has('invalid'),
      'view index',
      () => `REINDEX INDEX ${after.name}`,
    ),
    ...indexSettings(before, after, schemas.after.relation(after.on)),
  ];
};

export const constraintCreators: Readonly<Record<string, Creator>> = { constraint, index };
export const constraintAlterers: Readonly<Record<string, Alterer>> = {
  constraint: alterConstraint,
  index: alterIndex,
};
