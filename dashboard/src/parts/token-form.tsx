import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Scope } from '../../../src/contract/scope';
import type { TokenRecord } from '../answers';
import { call } from '../api';
import { BoundDatabases, boundProblem } from './bound-databases';
import { Select } from './branch-form';
import { Button } from './button';
import { Choice, Choices, Field, Form } from './form';
import { ScopeChoice } from './scope-choice';
import { ErrorState } from './states';

const dayMs = 86_400_000;
const lifetimes = [
  ['', 'Never'],
  ['7', 'In 7 days'],
  ['30', 'In 30 days'],
  ['90', 'In 90 days'],
  ['365', 'In a year'],
] as const;

interface Made {
  readonly token: string;
  readonly record: TokenRecord;
}

interface Order {
  readonly name: string;
  readonly kind: 'token' | 'agent';
  readonly scopes: readonly Scope[];
  readonly databases?: readonly string[];
  readonly expiresAt?: string;
}

/** Asks what a new token is for. */
export function TokenForm(props: {
  readonly onMade: (made: Made) => void;
  readonly onCancel: () => void;
}) {
  const [name, setName] = useState('');
  const [kind, setKind] = useState<'token' | 'agent'>('token');
  const [scope, setScope] = useState<Scope>('checkpoint');
  const [databases, setDatabases] = useState<readonly string[] | null>(null);
  const [days, setDays] = useState('90');
  const [isChecked, setChecked] = useState(false);
  const make = useMutation<Made, Error, Order>({
    mutationFn: (order) => call('POST', '/api/tokens', { body: order }),
    onSuccess: props.onMade,
  });
  const nameError = name.trim() === '' ? 'Say what it is for.' : undefined;
  const databaseError =
    kind === 'agent' && databases === null
      ? 'Choose the databases that the agent stands beside.'
      : boundProblem(databases);
  const submit = () => {
    setChecked(true);
    if (nameError || databaseError) return;
    make.mutate({
      ...{ name: name.trim(), kind, scopes: kind === 'agent' ? [] : [scope] },
      ...(databases === null ? {} : { databases }),
      ...(days === ''
        ? {}
        : { expiresAt: new Date(Date.now() + Number(days) * dayMs).toISOString() }),
    });
  };
  return (
    <Form label="Create token" onSubmit={submit}>
      <Field
        label="What it is for"
        hint="For example deploy."
        error={isChecked ? nameError : undefined}
      >
        {(control) => (
          <input
            {...control}
            value={name}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Kind kind={kind} onChange={setKind} />
      {kind === 'token' && (
        <ScopeChoice legend="What it may do" value={scope} onChange={setScope} />
      )}
      <BoundDatabases
        legend="For which databases"
        value={databases}
        error={isChecked ? databaseError : undefined}
        onChange={setDatabases}
      />
      <Select label="It expires" value={days} options={lifetimes} onChange={setDays} />
      {make.error && <ErrorState error={make.error} title="The token was not created" />}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={make.isPending}>
          Create the token
        </Button>
        <Button onClick={props.onCancel}>Cancel</Button>
      </div>
    </Form>
  );
}

function Kind(props: {
  readonly kind: 'token' | 'agent';
  readonly onChange: (kind: 'token' | 'agent') => void;
}) {
  return (
    <Choices legend="Who uses it">
      <Choice
        type="radio"
        name="kind"
        label="A script, an assistant or a person"
        isChecked={props.kind === 'token'}
        onChange={() => props.onChange('token')}
      />
      <Choice
        type="radio"
        name="kind"
        label="An agent"
        hint="belay agent runs beside databases that the server does not reach; it takes its jobs with this token and may do nothing else."
        isChecked={props.kind === 'agent'}
        onChange={() => props.onChange('agent')}
      />
    </Choices>
  );
}
