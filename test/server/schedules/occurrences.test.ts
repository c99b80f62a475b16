import { describe, expect, it } from 'vitest';
import {
  checkRhythm,
  nextOccurrence,
  occurrenceTag,
} from '../../../src/jobs/schedules/occurrences.js';

function next(cron: string, after: string, timezone = 'UTC'): string | undefined {
  return nextOccurrence({ cron, timezone }, new Date(after))?.toISOString();
}

describe('the next occurrence', () => {
  it.each([
    ['0 3 * * *', '2026-11-20T02:59:59Z', '2026-11-20T03:00:00.000Z'],
    ['0 3 * * *', '2026-11-20T03:00:00Z', '2026-11-21T03:00:00.000Z'],
    ['*/15 * * * *', '2026-11-20T03:01:00Z', '2026-11-20T03:15:00.000Z'],
    ['30 * * * * *', '2026-11-20T03:01:00Z', '2026-11-20T03:01:30.000Z'],
    ['@daily', '2026-11-20T03:01:00Z', '2026-11-21T00:00:00.000Z'],
    ['0 0 1 * *', '2026-12-31T12:00:00Z', '2027-01-01T00:00:00.000Z'],
    ['0 0 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['0 0 * * MON', '2026-11-20T03:01:00Z', '2026-11-23T00:00:00.000Z'],
  ])('of %s after %s', (cron, after, expected) => {
    expect(next(cron, after)).toBe(expected);
  });

  it('is by the clock of the place, also where that is put forward or back', () => {
    const berlin = 'Europe/Berlin';
    expect(next('0 3 * * *', '2026-11-20T00:00:00Z', berlin)).toBe('2026-11-20T02:00:00.000Z');
    expect(next('0 3 * * *', '2026-07-20T00:00:00Z', berlin)).toBe('2026-07-20T01:00:00.000Z');
    // Half past two does not exist on 29 March: it is done once, when the hour is over.
    const skipped = next('30 2 * * *', '2026-03-28T12:00:00Z', berlin) ?? '';
    expect(Date.parse(skipped)).toBeGreaterThanOrEqual(Date.parse('2026-03-29T01:00:00Z'));
    expect(Date.parse(skipped)).toBeLessThanOrEqual(Date.parse('2026-03-29T01:30:00Z'));
    // And exists twice on 25 October: once will do.
    const first = next('30 2 * * *', '2026-10-24T12:00:00Z', berlin) ?? '';
    expect(first.slice(0, 10)).toBe('2026-10-25');
    expect(next('30 2 * * *', first, berlin)?.slice(0, 10)).toBe('2026-10-26');
  });

  it.each([
    '',
    '* * * *',
    '60 * * * *',
    '* * * * * * *',
    'every day',
    '2026-11-20T03:00:00',
    '@reboot',
    '* * * * * x',
    `${'*,'.repeat(200)}* * * * *`,
    '0 0 31 2 *',
  ])('of %j is refused', (cron) => {
    expect(() => checkRhythm({ cron, timezone: 'UTC' }, new Date('2026-11-20'))).toThrow(
      expect.objectContaining({ code: 'BAD_SCHEDULE' }),
    );
  });

  it.each(['', 'Mars/Olympus', '../../etc', 'Europe/Berlin\n'])('in %j is refused', (timezone) => {
    expect(() => checkRhythm({ cron: '0 3 * * *', timezone }, new Date('2026-11-20'))).toThrow(
      expect.objectContaining({ code: 'BAD_SCHEDULE' }),
    );
  });
});

it('gives tags by the clock of the place', () => {
  const at = new Date('2026-11-20T23:30:05Z');
  expect(occurrenceTag('nightly-{date}', at, 'UTC')).toBe('nightly-2026-11-20');
  expect(occurrenceTag('n-{time}-{date}', at, 'Asia/Tokyo')).toBe('n-20261121-083005-2026-11-21');
  expect(occurrenceTag('midnight-{time}', new Date('2026-11-20T00:00:00Z'), 'UTC')).toBe(
    'midnight-20261120-000000',
  );
});
