import { useId } from 'react';
import { Select } from './branch-form';
import { Field } from './form';
import { cronOf, type Rhythm, type ScheduleChoice, weekdays } from './schedule-times';

const rhythms = [
  ['hourly', 'Every hour'],
  ['daily', 'Every day'],
  ['weekly', 'Every week'],
  ['monthly', 'Every month'],
  ['custom', 'By a cron expression'],
] as const;

const days = Array.from(
  { length: 28 },
  (_, index) => [String(index + 1), String(index + 1)] as const,
);

/** How often and when, with the next times that follow from it. */
export function RhythmFields(props: {
  readonly choice: ScheduleChoice;
  readonly timezone: string;
  readonly times: readonly Date[] | undefined;
  readonly problem: string | undefined;
  readonly onChange: (choice: ScheduleChoice) => void;
  readonly onZone: (timezone: string) => void;
}) {
  const { choice, timezone, times, problem, onChange } = props;
  const { rhythm } = choice;
  const put = (change: Partial<ScheduleChoice>) => onChange({ ...choice, ...change });
  return (
    <>
      <div className="two-columns">
        <Select
          label="How often"
          value={rhythm}
          options={rhythms}
          onChange={(value) => put({ rhythm: value as Rhythm })}
        />
        {rhythm === 'weekly' && (
          <Select
            label="On"
            value={String(choice.weekday)}
            options={weekdays.map((day, index) => [String(index), day] as const)}
            onChange={(value) => put({ weekday: Number(value) })}
          />
        )}
        {rhythm === 'monthly' && (
          <Select
            label="On day"
            value={String(choice.dayOfMonth)}
            options={days}
            onChange={(value) => put({ dayOfMonth: Number(value) })}
          />
        )}
        {rhythm !== 'custom' && (
          <Field
            label={rhythm === 'hourly' ? 'At (only the minutes count)' : 'At'}
            error={cronOf(choice) ? undefined : problem}
          >
            {(control) => (
              <input
                {...control}
                type="time"
                value={choice.time}
                onChange={(event) => put({ time: event.target.value })}
              />
            )}
          </Field>
        )}
        {rhythm === 'custom' && (
          <Field
            label="Cron expression"
            hint="Minute, hour, day, month, day of the week."
            error={problem}
          >
            {(control) => (
              <input
                {...control}
                value={choice.cron}
                spellCheck={false}
                onChange={(event) => put({ cron: event.target.value })}
              />
            )}
          </Field>
        )}
        <ZoneField timezone={timezone} onChange={props.onZone} />
      </div>
      <NextTimes times={problem ? undefined : times} timezone={timezone} />
      {problem && rhythm !== 'custom' && cronOf(choice) && <p className="field-error">{problem}</p>}
    </>
  );
}

function ZoneField(props: {
  readonly timezone: string;
  readonly onChange: (timezone: string) => void;
}) {
  const list = useId();
  return (
    <Field label="Time zone">
      {(control) => (
        <>
          <input
            {...control}
            list={list}
            value={props.timezone}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => props.onChange(event.target.value)}
          />
          <datalist id={list}>
            {['UTC', ...Intl.supportedValuesOf('timeZone')].map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

function NextTimes(props: {
  readonly times: readonly Date[] | undefined;
  readonly timezone: string;
}) {
  const { times, timezone } = props;
  if (!times || times.length === 0) return null;
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: timezone, dateStyle: 'full', timeStyle: 'short' },
  });
  return (
    <div>
      <p className="field-hint">The next times would be:</p>
      <ol className="next-times">
        {times.map((time) => (
          <li key={time.getTime()}>
            <time dateTime={time.toISOString()}>{format.format(time)}</time>
          </li>
        ))}
      </ol>
    </div>
  );
}
