/** Quantities as people read them; the same words as the command line's. */

const numbers = new Intl.NumberFormat('en-US');

export function count(n: number): string {
  return numbers.format(n);
}

/** e.g. "312,004 rows", "1 row". */
export function plural(n: number, noun: string, nouns = `${noun}s`): string {
  return `${numbers.format(n)} ${n === 1 ? noun : nouns}`;
}

/** e.g. "84 ms", "3.2 s", "4 min 10 s". */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** An object's name as people say it: what everybody finds needs no schema. */
export function shortObject(name: string): string {
  return name.replace(/^public\./, '');
}
