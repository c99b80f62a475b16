/**
 * A size as people read it, in decimal units, as disks are sold.
 *
 * @example
 * formatBytes(412_300_000); // "412.3 MB"
 */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  // From here on the rounded number would read "1000.0".
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
