import { describe, expect, it } from 'vitest';
import {
  cronOf,
  nextTimes,
  type ScheduleChoice,
  sayCron,
} from '../../../dashboard/src/parts/schedule-times.js';

const choice: ScheduleChoice = {
  rhythm: 'daily',
  time: '03:15',
  weekday: 1,
  dayOfMonth: 1,
  cron: '',
};

describe('friendly choices of a schedule', () => {
  it.each([
    [{}, '15 3 * * *', 'every day at 03:15'],
    [{ rhythm: 'hourly', time: '00:05' }, '5 * * * *', 'every hour at minute 5'],
    [{ rhythm: 'weekly', weekday: 0 }, '15 3 * * 0', 'every Sunday at 03:15'],
    [{ rhythm: 'monthly', dayOfMonth: 28 }, '15 3 28 * *', 'on day 28 of every month at 03:15'],
    [{ rhythm: 'custom', cron: ' */7 * * * * ' }, '*/7 * * * *', '*/7 * * * *'],
  ] as const)('%j is %s', (changed, cron, said) => {
    expect(cronOf({ ...choice, ...changed })).toBe(cron);
    expect(sayCron(cron)).toBe(said);
  });

  it('has no cron without a time', () => {
    expect(cronOf({ ...choice, time: '' })).toBeUndefined();
    expect(cronOf({ ...choice, time: '24:00' })).toBeUndefined();
    expect(cronOf({ ...choice, rhythm: 'custom', cron: '  ' })).toBeUndefined();
  });

  it('shows the next five times, in the zone that was chosen', async () => {
    const times = await nextTimes('30 2 * * *', 'Europe/Berlin');
    expect(times).toHaveLength(5);
    const shown = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      hour: '2-digit',
      minute: '2-digit',
    });
    // In the night when the clock goes forward there is no 02:30.
    for (const time of times) expect(['02:30', '03:30', '03:00']).toContain(shown.format(time));
    for (const [index, time] of times.entries()) {
      expect(time.getTime()).toBeGreaterThan(times[index - 1]?.getTime() ?? Date.now());
    }
  });

  it('says what is wrong with an expression or a zone', async () => {
    await expect(nextTimes('61 * * * *', 'UTC')).rejects.toThrow(/minute/i);
    await expect(nextTimes('0 3 * * *', 'Mars/Olympus')).rejects.toThrow();
  });
});
