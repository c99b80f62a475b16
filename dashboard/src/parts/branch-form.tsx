import { useState } from 'react';
import type { Work } from '../use-work';
import { Button } from './button';
import { Field, Form } from './form';
import { ReferenceField, useSnapshotChoice } from './reference-field';
import { ErrorState } from './states';

const lifetimes = [
  ['', 'As the server’s configuration says'],
  ['4h', '4 hours'],
  ['1d', 'A day'],
  ['7d', 'A week'],
  ['30d', '30 days'],
] as const;

const isolations = [
  ['', 'As the server’s configuration says'],
  ['database', 'A database on the same server'],
  ['schema', 'A schema in the same database'],
  ['cluster', 'A PostgreSQL server of its own'],
] as const;

/** Makes a branch: its name, what it starts from, how long it stays. */
export function BranchForm(props: {
  readonly database: string;
  readonly work: Work;
  /** Names that are in use. */
  readonly taken: readonly string[];
  readonly onDone: () => void;
}) {
  const { database, work, taken } = props;
  const choice = useSnapshotChoice(database);
  const [name, setName] = useState('');
  const [from, setFrom] = useState('live');
  const [ttl, setTtl] = useState('');
  const [isolation, setIsolation] = useState('');
  const [error, setError] = useState<string>();
  const create = async () => {
    const problem = nameProblem(name.trim(), taken);
    setError(problem);
    if (problem) return;
    const isBegun = await work.begin('/api/branches', {
      ...{ database, name: name.trim() },
      ...(from === 'live' ? {} : { from }),
      ...(ttl === '' ? {} : { ttl }),
      ...(isolation === '' ? {} : { isolation }),
    });
    if (isBegun) props.onDone();
  };
  return (
    <Form label="Create branch" onSubmit={() => void create()}>
      <Field label="Name of the branch" hint="For example feature/invoices." error={error}>
        {(control) => (
          <input
            {...control}
            value={name}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <div className="two-columns">
        <ReferenceField label="Starts from" choice={choice.data} value={from} onChange={setFrom} />
        <Select label="Removed after" value={ttl} options={lifetimes} onChange={setTtl} />
        <Select
          label="What it has of its own"
          value={isolation}
          options={isolations}
          onChange={setIsolation}
        />
      </div>
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={work.isStarting}>
          Create the branch
        </Button>
        <Button onClick={props.onDone}>Cancel</Button>
      </div>
      {work.error && <ErrorState error={work.error} title="The branch was not created" />}
    </Form>
  );
}

function nameProblem(name: string, taken: readonly string[]): string | undefined {
  if (name === '') return 'Give it a name.';
  return taken.includes(name) ? `There is a branch “${name}” already.` : undefined;
}

/** One of a few, each with the words for it. */
export function Select(props: {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, label: string])[];
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  readonly onChange: (value: string) => void;
}) {
  return (
    <Field label={props.label} hint={props.hint} error={props.error}>
      {(control) => (
        <select
          {...control}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
        >
          {props.options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
