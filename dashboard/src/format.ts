const seconds = { minute: 60, hour: 3_600, day: 86_400, month: 2_629_800, year: 31_557_600 };
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'medium',
});
const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const counts = new Intl.NumberFormat('en');

/** "3 hours ago", "in 2 days"; times are milliseconds. */
export function formatAge(at: number, now: number): string {
  const passed = (at - now) / 1_000;
  const size = Math.abs(passed);
  if (size < 45) return passed > 0 ? 'in a moment' : 'just now';
  if (size < 45 * seconds.minute) return relative.format(Math.round(passed / 60), 'minute');
  if (size < 22 * seconds.hour) return relative.format(Math.round(passed / seconds.hour), 'hour');
  if (size < 26 * seconds.day) return relative.format(Math.round(passed / seconds.day), 'day');
  if (size < 11 * seconds.month) {
    return relative.format(Math.round(passed / seconds.month), 'month');
  }
  return relative.format(Math.round(passed / seconds.year), 'year');
}

/** "22 Nov 2026, 14:03:09" in the time zone of the device. */
export function formatTime(at: string): string {
  return exact.format(new Date(at));
}

/** "Sunday 22 November 2026" */
export function formatDay(at: string): string {
  return day.format(new Date(at));
}

/** "14:03" */
export function formatClock(at: string): string {
  return clock.format(new Date(at));
}

export function formatCount(value: number): string {
  return counts.format(value);
}

/** "412.3 MB", as the command line writes it: 1 MB is 1,000,000 bytes. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [value, unit] = [bytes, 0];
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return unit === 0
    ? `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`
    : `${value.toFixed(1)} ${units[unit]}`;
}

/** "340 ms", "2.4 s", "3 min 12 s", "2 h 5 min" */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const total = Math.round(ms / 1_000);
  const [hours, minutes, rest] = [
    Math.floor(total / 3_600),
    Math.floor((total % 3_600) / 60),
    total % 60,
  ];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
}

/** "1 row", "3 rows" */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 150018 → "15.18" */
export function formatServerVersion(number: number): string {
  return `${Math.floor(number / 10_000)}.${number % 10_000}`;
}
