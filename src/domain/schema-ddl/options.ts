import { identifier, literal } from './ddl-names.js';
import type { KnownObject } from './known-schema.js';

const split = (option: string): [string, string] => {
  const at = option.indexOf('=');
  return at < 0 ? [option, ''] : [option.slice(0, at), option.slice(at + 1)];
};

/** Options of relations and columns as they stand in WITH (…) and SET (…); "" for none. */
export function optionList(options: readonly string[], prefix = ''): string {
  return options
    .map((option) => {
      const [name, value] = split(option);
      return `${prefix}${identifier(name)}=${literal(value).trim()}`;
    })
    .join(', ');
}

/** What SET and RESET have to say, to get from one list of options to another. */
export function changedOptions(
  before: readonly string[],
  after: readonly string[],
  prefix = '',
): string[] {
  const names = new Set(after.map((option) => split(option)[0]));
  const gone = before.map((option) => split(option)[0]).filter((name) => !names.has(name));
  const changed = after.filter((option) => !before.includes(option));
  return [
    ...(gone.length > 0
      ? [`RESET (${gone.map((name) => `${prefix}${identifier(name)}`).join(', ')})`]
      : []),
    ...(changed.length > 0 ? [`SET (${optionList(changed, prefix)})`] : []),
  ];
}

/** The options of a foreign object; a secret, which the model does not have, is left empty. */
export function foreignOptions(options: readonly string[]): string {
  if (options.length === 0) return '';
  const items = options.map((option) => {
    const [name, value] = split(option);
    return `${identifier(name)} ${literal(value).trim()}`;
  });
  return ` OPTIONS (${items.join(', ')})`;
}

/** "OPTIONS (ADD …, SET …, DROP …)" between two lists; "" where nothing differs. */
export function changedForeignOptions(
  before: KnownObject,
  after: KnownObject,
  key: string,
): string {
  const was = new Map(before.list(key).map(split));
  const is = new Map(after.list(key).map(split));
  const items = [
    ...[...was.keys()].filter((name) => !is.has(name)).map((name) => `DROP ${identifier(name)}`),
    ...[...is]
      .filter(([name, value]) => was.get(name) !== value)
      .map(([name, value]) => {
        const verb = was.has(name) ? 'SET' : 'ADD';
        return `${verb} ${identifier(name)} ${literal(value).trim()}`;
      }),
  ];
  return items.length === 0 ? '' : ` OPTIONS (${items.join(', ')})`;
}
