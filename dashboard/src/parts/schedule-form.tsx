import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Schedule, ScheduledType } from '../answers';
import { call } from '../api';
import { useDatabases } from '../queries';
import { Select } from './branch-form';
import { Button } from './button';
import { useTypedName } from './dialog';
import { Field, Form } from './form';
import { RhythmFields } from './rhythm-fields';
import { cronOf, nextTimes, type ScheduleChoice } from './schedule-times';
import { detailProblems, scheduledWork, scheduleInput, type WorkDetails } from './schedule-work';
import { ErrorState } from './states';

const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
const firstChoice: ScheduleChoice = {
  ...{ rhythm: 'daily', time: '03:00', weekday: 0, dayOfMonth: 1, cron: '0 3 * * *' },
};
const firstTags: Partial<Record<ScheduledType, string>> = {
  ...{ checkpoint: 'nightly-{date}', snapshot: 'scheduled-{time}' },
};

/** Makes a schedule from choices that people understand. */
export function ScheduleForm({ onDone }: { readonly onDone: () => void }) {
  const queries = useQueryClient();
  const { data: databases = [] } = useDatabases();
  const [chosen, setDatabase] = useState<string>();
  const database = chosen ?? databases[0]?.name ?? '';
  const [name, setName] = useState('nightly');
  const [type, setType] = useState<ScheduledType>('checkpoint');
  const [details, setDetails] = useState<WorkDetails>({
    ...{ tag: 'nightly-{date}', days: '30', keepLast: '10' },
  });
  const [choice, setChoice] = useState(firstChoice);
  const [timezone, setTimezone] = useState(ownZone);
  const [isChecked, setChecked] = useState(false);
  const isProduction = databases.find((one) => one.name === database)?.environment === 'production';
  const typed = useTypedName(type === 'prune' && isProduction ? database : undefined);
  const cron = cronOf(choice);
  const times = useNextTimes(cron, timezone);
  const create = useMutation<Schedule, Error, Record<string, unknown>>({
    mutationFn: (body) => call('POST', '/api/schedules', { body }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['schedules'] });
      onDone();
    },
  });
  const problems = {
    ...detailProblems(type, details),
    ...(name.trim() === '' ? { name: 'Give it a name.' } : {}),
  };
  const submit = () => {
    setChecked(true);
    if (Object.keys(problems).length > 0 || !cron || times.error || !typed.check()) return;
    const confirm = type === 'prune' && isProduction ? database : undefined;
    const input = scheduleInput(type, { ...details, confirm });
    create.mutate({ database, name: name.trim(), cron, timezone, type, input });
  };
  const chooseType = (next: string) => {
    setType(next as ScheduledType);
    setDetails({ ...details, tag: firstTags[next as ScheduledType] ?? '' });
  };
  return (
    <Form label="Create schedule" onSubmit={submit}>
      <TextField
        label="Name"
        value={name}
        error={isChecked ? problems.name : undefined}
        onChange={setName}
      />
      <Select
        label="Database"
        value={database}
        options={databases.map((one) => [one.name, one.name] as const)}
        onChange={setDatabase}
      />
      <Select label="What is done" value={type} options={scheduledWork} onChange={chooseType} />
      <DetailFields
        type={type}
        details={details}
        problems={isChecked ? problems : {}}
        onChange={setDetails}
      />
      {typed.field}
      <RhythmFields
        choice={choice}
        timezone={timezone}
        times={times.data}
        problem={times.error?.message ?? (cron ? undefined : 'Give a time.')}
        onChange={setChoice}
        onZone={setTimezone}
      />
      {create.error && <ErrorState error={create.error} title="The schedule was not created" />}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={create.isPending}>
          Create the schedule
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </Form>
  );
}

function useNextTimes(cron: string | undefined, timezone: string) {
  return useQuery<readonly Date[], Error>({
    queryKey: ['next-times', cron, timezone],
    queryFn: () => nextTimes(cron ?? '', timezone),
    enabled: cron !== undefined,
    retry: false,
  });
}

function TextField(props: {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  readonly error: string | undefined;
  readonly onChange: (text: string) => void;
}) {
  return (
    <Field label={props.label} hint={props.hint} error={props.error}>
      {(control) => (
        <input
          {...control}
          value={props.value}
          autoComplete="off"
          onChange={(event) => props.onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

function DetailFields(props: {
  readonly type: ScheduledType;
  readonly details: WorkDetails;
  readonly problems: ReturnType<typeof detailProblems>;
  readonly onChange: (details: WorkDetails) => void;
}) {
  const { type, details, problems, onChange } = props;
  const put = (field: keyof WorkDetails) => (text: string) =>
    onChange({ ...details, [field]: text });
  if (type === 'checkpoint' || type === 'snapshot') {
    return (
      <TextField
        label="Tag"
        hint="{date} becomes the day, {time} the day and the time."
        value={details.tag}
        error={problems.tag}
        onChange={put('tag')}
      />
    );
  }
  if (type !== 'prune' && type !== 'drill-old') return null;
  return (
    <>
      <TextField
        label={
          type === 'prune'
            ? 'Keep snapshots of so many days'
            : 'Drill when the last proof is so many days old'
        }
        value={details.days}
        error={problems.days}
        onChange={put('days')}
      />
      {type === 'prune' && (
        <TextField
          label="Keep at least so many snapshots"
          value={details.keepLast}
          error={problems.keepLast}
          onChange={put('keepLast')}
        />
      )}
    </>
  );
}
