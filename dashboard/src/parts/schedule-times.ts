/** How often, as people say it. */
export type Rhythm = 'hourly' | 'daily' | 'weekly' | 'monthly' | 'custom';

export interface ScheduleChoice {
  readonly rhythm: Rhythm;
  /** "HH:MM"; of an hourly one only the minutes count. */
  readonly time: string;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** 1 to 28: every month has it. */
  readonly dayOfMonth: number;
  /** Taken as it is where the rhythm is "custom". */
  readonly cron: string;
}

export const weekdays = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
] as const;

const timeOfDay = /^([01]?\d|2[0-3]):([0-5]\d)$/;

/** The five fields of cron for a choice; undefined where the time is none. */
export function cronOf(choice: ScheduleChoice): string | undefined {
  if (choice.rhythm === 'custom') return choice.cron.trim() || undefined;
  const match = timeOfDay.exec(choice.time);
  if (!match) return undefined;
  const [hour, minute] = [Number(match[1]), Number(match[2])];
  switch (choice.rhythm) {
    case 'hourly':
      return `${minute} * * * *`;
    case 'daily':
      return `${minute} ${hour} * * *`;
    case 'weekly':
      return `${minute} ${hour} * * ${choice.weekday}`;
    default:
      return `${minute} ${hour} ${choice.dayOfMonth} * *`;
  }
}

const two = (n: number): string => String(n).padStart(2, '0');

/** What a cron expression says, in words, where it is one of the simple ones; else itself. */
export function sayCron(cron: string): string {
  const match = /^(\d{1,2}) (\d{1,2}|\*) (\d{1,2}|\*) \* ([0-7]|\*)$/.exec(cron.trim());
  if (!match) return cron;
  const [, minute = '0', hour = '*', day = '*', weekday = '*'] = match;
  if (hour === '*') {
    return day === '*' && weekday === '*' ? `every hour at minute ${Number(minute)}` : cron;
  }
  const at = `at ${two(Number(hour))}:${two(Number(minute))}`;
  if (day === '*' && weekday === '*') return `every day ${at}`;
  if (day === '*') return `every ${weekdays[Number(weekday) % 7]} ${at}`;
  return weekday === '*' ? `on day ${Number(day)} of every month ${at}` : cron;
}

/**
 * The next times of a cron expression in a time zone, by the same rules as the server's.
 * @throws Error whose message says what is wrong with the expression or the time zone
 */
export async function nextTimes(cron: string, timezone: string, count = 5): Promise<Date[]> {
  const { Cron } = await import('croner');
  return new Cron(cron, { timezone, paused: true }).nextRuns(count);
}
