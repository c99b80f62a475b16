import { literal, operatorOf, withoutArguments } from './ddl-names.js';
import { type Alterer, type Creator, draft } from './ddl-statement.js';
import type { KnownObject } from './known-schema.js';

const routine: Creator = (object) => [draft('routine', object.need('definition'))];

/** Replaced where what it takes and gives stays; where that fails it is made anew. */
const alterRoutine: Alterer = (_before, after) => [draft('routine', after.need('definition'))];

const functions = [
  ['transition', 'SFUNC'],
  ['final', 'FINALFUNC'],
  ['combine', 'COMBINEFUNC'],
  ['serial', 'SERIALFUNC'],
  ['deserial', 'DESERIALFUNC'],
  ['moving transition', 'MSFUNC'],
  ['moving inverse', 'MINVFUNC'],
  ['moving final', 'MFINALFUNC'],
] as const;

const plain = [
  ['state', 'STYPE'],
  ['state size', 'SSPACE'],
  ['moving state', 'MSTYPE'],
  ['moving state size', 'MSSPACE'],
] as const;

const constants = [
  ['initial', 'INITCOND'],
  ['moving initial', 'MINITCOND'],
] as const;

const flags = [
  ['final extra', 'FINALFUNC_EXTRA'],
  ['moving final extra', 'MFINALFUNC_EXTRA'],
] as const;

const modifications: Readonly<Record<string, string>> = {
  r: 'READ_ONLY',
  s: 'SHAREABLE',
  w: 'READ_WRITE',
};

function itemsOf(object: KnownObject): string[] {
  const items: string[] = [];
  const add = (key: string, write: (value: string) => string) => {
    const value = object.text(key);
    if (value !== undefined) items.push(write(value));
  };
  for (const [key, keyword] of functions) {
    add(key, (value) => `${keyword} = ${withoutArguments(value)}`);
  }
  for (const [key, keyword] of plain) add(key, (value) => `${keyword} = ${value}`);
  for (const [key, keyword] of constants) {
    add(key, (value) => `${keyword} = ${literal(value).trim()}`);
  }
  for (const [key, keyword] of flags) add(key, () => keyword);
  if (object.has('final')) {
    add('final modify', (value) => `FINALFUNC_MODIFY = ${modifications[value]}`);
  }
  if (object.has('moving final')) {
    add('moving final modify', (value) => `MFINALFUNC_MODIFY = ${modifications[value]}`);
  }
  add('parallel', (value) => `PARALLEL = ${value.toUpperCase()}`);
  add('sort operator', (value) => `SORTOP = OPERATOR(${operatorOf(value)})`);
  if (object.text('kind') === 'hypothetical set') items.push('HYPOTHETICAL');
  return items;
}

const aggregate: Creator = (object) => {
  const given = object.need('arguments');
  const name = withoutArguments(object.name);
  return [
    draft(
      'operator',
      `CREATE AGGREGATE ${name}(${given === '' ? '*' : given}) (${itemsOf(object).join(', ')})`,
    ),
  ];
};

export const routineCreators: Readonly<Record<string, Creator>> = {
  function: routine,
  procedure: routine,
  aggregate,
};

export const routineAlterers: Readonly<Record<string, Alterer>> = {
  function: alterRoutine,
  procedure: alterRoutine,
};
