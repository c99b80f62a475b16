import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { type ApiError, call } from '../api';
import { formatTime } from '../format';
import type { ListedSnapshot } from '../queries';
import { Field } from './form';

const pageSize = 100;

interface SnapshotPage {
  readonly snapshots: readonly ListedSnapshot[];
  readonly next: string | null;
}

/** The newest snapshots of a database, for a choice. */
export function useSnapshotChoice(database: string) {
  return useQuery<SnapshotPage, ApiError>({
    queryKey: ['snapshot-choice', database],
    queryFn: ({ signal }) =>
      call('GET', '/api/snapshots', { query: { database, limit: pageSize }, signal }),
  });
}

/** Chooses a snapshot, or the database as it is now. With more snapshots than a list can hold, any reference can be typed. */
export function ReferenceField(props: {
  readonly label: string;
  readonly choice: SnapshotPage | undefined;
  readonly value: string;
  readonly error?: string | undefined;
  readonly onChange: (reference: string) => void;
}) {
  const { choice, value, onChange } = props;
  const list = useId();
  const snapshots = choice?.snapshots ?? [];
  const isKnown = value === 'live' || snapshots.some(({ tag }) => tag === value);
  if (choice?.next) {
    return (
      <Field
        label={props.label}
        hint="A tag, the beginning of an id, or “live” for the database as it is now."
        error={props.error}
      >
        {(control) => (
          <>
            <input
              {...control}
              list={list}
              value={value}
              onChange={(event) => onChange(event.target.value)}
            />
            <datalist id={list}>
              <option value="live">The database as it is now</option>
              {snapshots.map(({ id, tag, createdAt }) => (
                <option key={id} value={tag}>
                  {formatTime(createdAt)}
                </option>
              ))}
            </datalist>
          </>
        )}
      </Field>
    );
  }
  return (
    <Field label={props.label} error={props.error}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="live">The database as it is now (live)</option>
          {!isKnown && <option value={value}>{value}</option>}
          {snapshots.map(({ id, tag, createdAt }) => (
            <option key={id} value={tag}>
              {tag} · {formatTime(createdAt)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
