import { maxNameBytes, shortenName } from './clone-name.js';

/**
 * Name of the database that a promoted shadow replaces: `NAME_old_YYYYMMDD`, then with `_2`, `_3`, … A name that does
 * not fit is cut and gets a hash, so that two long names never meet.
 */
export function previousName(target: string, at: Date, taken: ReadonlySet<string>): string {
  const day = at.toISOString().slice(0, 10).replaceAll('-', '');
  for (let n = 1; ; n += 1) {
    const suffix = `_old_${day}${n === 1 ? '' : `_${n}`}`;
    const name = shortenName(target, maxNameBytes - suffix.length) + suffix;
    if (!taken.has(name)) return name;
  }
}
