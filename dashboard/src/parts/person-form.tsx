import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Scope } from '../../../src/contract/scope';
import type { PersonRecord } from '../answers';
import { call } from '../api';
import { BoundDatabases, boundProblem } from './bound-databases';
import { Button } from './button';
import { Field, Form } from './form';
import { ScopeChoice } from './scope-choice';
import { ErrorState } from './states';

const leastCharacters = 12;

export function passwordProblem(password: string): string | undefined {
  return password.length < leastCharacters
    ? `A password has at least ${leastCharacters} characters.`
    : undefined;
}

/** A new password. */
export function PasswordField(props: {
  readonly value: string;
  readonly error: string | undefined;
  readonly onChange: (password: string) => void;
}) {
  return (
    <Field
      label="Password"
      hint={`At least ${leastCharacters} characters; a few words are easy to keep in mind.`}
      error={props.error}
    >
      {(control) => (
        <input
          {...control}
          type="password"
          autoComplete="new-password"
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

interface Order {
  readonly name: string;
  readonly password: string;
  readonly scopes: readonly Scope[];
  readonly databases?: readonly string[];
}

/** Lets somebody sign in. */
export function PersonForm({ onDone }: { readonly onDone: () => void }) {
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [scope, setScope] = useState<Scope>('restore');
  const [databases, setDatabases] = useState<readonly string[] | null>(null);
  const [isChecked, setChecked] = useState(false);
  const add = useMutation<PersonRecord, Error, Order>({
    mutationFn: (order) => call('POST', '/api/people', { body: order }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['people'] });
      onDone();
    },
  });
  const errors = {
    name: name.trim() === '' ? 'Give the name that is signed in with.' : undefined,
    password: passwordProblem(password),
    databases: boundProblem(databases),
  };
  const shown: Partial<typeof errors> = isChecked ? errors : {};
  const submit = () => {
    setChecked(true);
    if (Object.values(errors).some(Boolean)) return;
    add.mutate({
      ...{ name: name.trim(), password, scopes: [scope] },
      ...(databases === null ? {} : { databases }),
    });
  };
  return (
    <Form label="Add person" onSubmit={submit}>
      <Field label="Name" error={shown.name}>
        {(control) => (
          <input
            {...control}
            value={name}
            autoComplete="off"
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <PasswordField value={password} error={shown.password} onChange={setPassword} />
      <ScopeChoice legend="What they may do" value={scope} onChange={setScope} />
      <BoundDatabases
        legend="For which databases"
        value={databases}
        error={shown.databases}
        onChange={setDatabases}
      />
      {add.error && <ErrorState error={add.error} title="Nobody was added" />}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={add.isPending}>
          Add the person
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </Form>
  );
}
