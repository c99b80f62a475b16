import { type Attributes, type AttributeValue, parseDefinition } from './definition.js';

/** Attributes that only say where an object belongs, which its name says already. */
const placing = new Set(['on']);

const asList = (value: AttributeValue | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? value.split('\n') : value;

/** Lines that differ once the common beginning and end are left out: "- old", "+ new". */
function differingLines(before: readonly string[], after: readonly string[]): string[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start])
    start += 1;
  let end = 0;
  const longest = Math.min(before.length, after.length) - start;
  while (end < longest && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return [
    ...before.slice(start, before.length - end).map((line) => `- ${line}`),
    ...after.slice(start, after.length - end).map((line) => `+ ${line}`),
  ];
}

/** A list without order as what left it and what came. */
function differingItems(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((item) => !after.includes(item)).map((item) => `- ${item}`),
    ...after.filter((item) => !before.includes(item)).map((item) => `+ ${item}`),
  ];
}

const isText = (value: AttributeValue | undefined): value is string | undefined =>
  value === undefined || (typeof value === 'string' && !value.includes('\n'));

/**
 * The columns that both lists have, in the order of each, where that order differs; undefined where
 * it does not. A column that only one side has is a change of its own.
 */
function differingOrder(
  before: AttributeValue | undefined,
  after: AttributeValue | undefined,
): string | undefined {
  const [left, right] = [asList(before), asList(after)];
  const [inLeft, inRight] = [new Set(left), new Set(right)];
  const was = left.filter((column) => inRight.has(column)).join(', ');
  const is = right.filter((column) => inLeft.has(column)).join(', ');
  return was === is ? undefined : `${was} → ${is}`;
}

function describeAttribute(
  key: string,
  before: AttributeValue | undefined,
  after: AttributeValue | undefined,
): string | undefined {
  if (key === 'column order') {
    const order = differingOrder(before, after);
    return order && `${key}: ${order}`;
  }
  if (isText(before) && isText(after)) {
    // A yes that is gone reads better as a no; anything else that is left out has no value.
    const none = before === 'yes' || after === 'yes' ? 'no' : 'none';
    return `${key}: ${before ?? none} → ${after ?? none}`;
  }
  const [left, right] = [asList(before), asList(after)];
  const ordered = typeof (before ?? after) === 'string' || differingItems(left, right).length === 0;
  const lines = ordered ? differingLines(left, right) : differingItems(left, right);
  return [`${key}:`, ...lines].join('\n');
}

/**
 * What differs between two definitions of one object, an attribute a line (or a few, where its text
 * has several). Empty where only the place of columns that one side lacks differs.
 */
export function describeChange(before: string, after: string): string {
  const [left, right] = [parseDefinition(before), parseDefinition(after)];
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  const differing = keys.filter((key) => JSON.stringify(left[key]) !== JSON.stringify(right[key]));
  return differing
    .map((key) => describeAttribute(key, left[key], right[key]))
    .filter((line) => line !== undefined)
    .join('\n');
}

function summarize(key: string, value: AttributeValue): string {
  if (typeof value !== 'string') return `${key}: ${value.join(', ')}`;
  const [first = '', ...rest] = value.split('\n');
  return `${key}: ${rest.length === 0 ? first : `${first} … (${rest.length + 1} lines)`}`;
}

/** One line about an object that came or went: its attributes, and what came or went with it. */
export function describeObject(definition: string, parts: readonly string[]): string {
  const attributes: Attributes = parseDefinition(definition);
  const own = Object.entries(attributes)
    .filter(([key]) => !placing.has(key))
    .map(([key, value]) => summarize(key, value).replaceAll('\n', ' '));
  return [...own, ...parts].join('; ');
}
