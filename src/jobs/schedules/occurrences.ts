import { Cron } from 'croner';
import { BelayError } from '../../errors.js';

/** When something is to be done, by the clock of some place. */
export interface Rhythm {
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
}

/**
 * The first time of a pattern after a moment. In the hour that a time zone skips, what was due in it is done when it is over; in the
 * one that it has twice, what is due at a fixed time is done once.
 * @returns undefined where there is no later one
 * @throws BelayError BAD_SCHEDULE
 */
export function nextOccurrence({ cron, timezone }: Rhythm, after: Date): Date | undefined {
  checkFields(cron);
  try {
    return new Cron(cron, { timezone, paused: true }).nextRun(after) ?? undefined;
  } catch (error) {
    throw badPattern(cron, error instanceof Error ? error.message : String(error));
  }
}

/**
 * Checks a pattern and its time zone.
 * @param now from when on it must have an occurrence
 * @throws BelayError BAD_SCHEDULE
 */
export function checkRhythm(rhythm: Rhythm, now: Date): Date {
  checkTimezone(rhythm.timezone);
  const next = nextOccurrence(rhythm, now);
  if (next) return next;
  throw badPattern(rhythm.cron, 'it never comes');
}

/** Others read dates and more in a pattern: that would be no schedule. */
function checkFields(cron: string): void {
  const isNickname = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)$/i.test(cron);
  const fields = cron.trim().split(/\s+/).length;
  if (cron.length <= 200 && (isNickname || fields === 5 || fields === 6)) return;
  throw badPattern(cron, 'it has not five fields, or six with seconds');
}

/** @throws BelayError BAD_SCHEDULE */
export function checkTimezone(timezone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new BelayError(
      'BAD_SCHEDULE',
      `${JSON.stringify(timezone.slice(0, 60))} is not a time zone`,
      {
        hint: 'Write it like "Europe/Berlin" or "UTC".',
        details: { field: 'timezone' },
      },
    );
  }
}

function badPattern(cron: string, why: string): BelayError {
  return new BelayError(
    'BAD_SCHEDULE',
    `${JSON.stringify(cron.slice(0, 100))} is not a pattern of times: ${why.slice(0, 200)}`,
    {
      hint: 'Write five fields: minute, hour, day of the month, month, day of the week. "0 3 * * *" is every night at three; "@daily" and the like will do too.',
      details: { field: 'cron' },
    },
  );
}

/**
 * A tag for one occurrence: "{date}" becomes its day, "{time}" its day and time, in the schedule's time zone.
 *
 * @example
 * occurrenceTag('nightly-{date}', new Date('2026-11-20T02:00:00Z'), 'UTC'); // "nightly-2026-11-20"
 */
export function occurrenceTag(template: string, at: Date, timezone: string): string {
  const format = new Intl.DateTimeFormat('en', {
    ...{ timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: '2-digit' },
    ...{ day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const text = (...names: Intl.DateTimeFormatPartTypes[]) =>
    names.map((name) => parts.get(name) ?? '');
  const date = text('year', 'month', 'day');
  return template
    .replaceAll('{date}', date.join('-'))
    .replaceAll('{time}', `${date.join('')}-${text('hour', 'minute', 'second').join('')}`);
}
