import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { announce } from '../announce';
import type { PersonRecord } from '../answers';
import { call } from '../api';
import { AdminOnly } from '../parts/admin-only';
import { boundWords } from '../parts/bound-databases';
import { Button } from '../parts/button';
import { Confirm, Dialog } from '../parts/dialog';
import { Form } from '../parts/form';
import { ListFrame, useList } from '../parts/list';
import { Page } from '../parts/page';
import { PasswordField, PersonForm, passwordProblem } from '../parts/person-form';
import { EmptyState, ErrorState } from '../parts/states';
import { Table } from '../parts/table';
import { Time } from '../parts/values';
import { useCan } from '../session';

/** Who signs in with a name and a password. */
export function PeoplePage() {
  const isAdmin = useCan('admin');
  const [isAdding, setAdding] = useState(false);
  return (
    <Page
      title="People"
      lead="Who signs in to this page with a name and a password."
      actions={
        isAdmin &&
        !isAdding && (
          <Button look="primary" onClick={() => setAdding(true)}>
            Add person
          </Button>
        )
      }
    >
      <div className="stack">
        <AdminOnly>
          {isAdding && <PersonForm onDone={() => setAdding(false)} />}
          <PersonList />
        </AdminOnly>
      </div>
    </Page>
  );
}

function PersonList() {
  const list = useList<PersonRecord>({ key: ['people'], path: '/api/people', field: 'people' });
  const [asking, setAsking] = useState<{ what: 'password' | 'remove'; person: PersonRecord }>();
  const close = () => setAsking(undefined);
  return (
    <>
      <ListFrame
        list={list}
        failure="The people could not be read"
        empty={
          <EmptyState title="Nobody is added yet.">
            <p>Until then one signs in with a token of the scope that is needed.</p>
          </EmptyState>
        }
      >
        {(people) => (
          <People people={people} onAsk={(what, person) => setAsking({ what, person })} />
        )}
      </ListFrame>
      {asking?.what === 'password' && <SetPassword person={asking.person} onClose={close} />}
      {asking?.what === 'remove' && <Remove person={asking.person} onClose={close} />}
    </>
  );
}

function People(props: {
  readonly people: readonly PersonRecord[];
  readonly onAsk: (what: 'password' | 'remove', person: PersonRecord) => void;
}) {
  return (
    <Table
      caption="People"
      rows={props.people}
      keyOf={({ id }) => id}
      columns={[
        { title: 'Name', isName: true, cell: ({ name }) => name },
        { title: 'May', cell: ({ scopes }) => scopes.join(', ') },
        { title: 'Databases', cell: ({ databases }) => boundWords(databases) },
        { title: 'Added', cell: ({ createdAt }) => <Time at={createdAt} /> },
        {
          title: 'Action',
          cell: (person) => (
            <div className="form-actions">
              <Button onClick={() => props.onAsk('password', person)}>
                Set password<span className="visually-hidden"> of {person.name}</span>
              </Button>
              <Button onClick={() => props.onAsk('remove', person)}>
                Remove<span className="visually-hidden"> {person.name}</span>
              </Button>
            </div>
          ),
        },
      ]}
    />
  );
}

interface AboutPerson {
  readonly person: PersonRecord;
  readonly onClose: () => void;
}

function SetPassword({ person, onClose }: AboutPerson) {
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<string>();
  const set = useMutation<unknown, Error>({
    mutationFn: () =>
      call('PATCH', `/api/people/${encodeURIComponent(person.id)}`, { body: { password } }),
    onSuccess: () => {
      announce(`The password of ${person.name} is set`);
      onClose();
    },
  });
  const submit = () => {
    const found = passwordProblem(password);
    setProblem(found);
    if (!found) set.mutate();
  };
  return (
    <Dialog title={`Set the password of ${person.name}`} onClose={onClose}>
      <Form label="Set password" onSubmit={submit}>
        <p>Whoever is signed in as {person.name} is signed out.</p>
        <PasswordField value={password} error={problem} onChange={setPassword} />
        {set.error && <ErrorState error={set.error} title="The password was not set" />}
        <div className="form-actions">
          <Button type="submit" look="primary" isBusy={set.isPending}>
            Set the password
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </Form>
    </Dialog>
  );
}

function Remove({ person, onClose }: AboutPerson) {
  const queries = useQueryClient();
  const remove = useMutation<unknown, Error>({
    mutationFn: () => call('DELETE', `/api/people/${encodeURIComponent(person.id)}`),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['people'] });
      onClose();
    },
  });
  return (
    <Confirm
      title={`Remove ${person.name}?`}
      action={`Remove ${person.name}`}
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p>
        {person.name} is signed out and cannot sign in any more. What they did stays in the ledger.
      </p>
    </Confirm>
  );
}
