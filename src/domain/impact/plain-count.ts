const format = new Intl.NumberFormat('en-US');

/** e.g. "1,234 rows", "1 row". */
export function plainCount(n: number, noun: string): string {
  return `${format.format(n)} ${noun}${n === 1 ? '' : 's'}`;
}
