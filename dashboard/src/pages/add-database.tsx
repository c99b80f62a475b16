import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { timelineAddress } from '../addresses';
import { announce } from '../announce';
import { ApiError, call } from '../api';
import { Button, ButtonLink } from '../parts/button';
import { Choice, Choices, Field, Form } from '../parts/form';
import { Page } from '../parts/page';
import { ErrorState, Notice } from '../parts/states';
import { useCan } from '../session';

interface NewDatabase {
  readonly name: string;
  readonly kind: 'direct' | 'agent';
  readonly url: string;
  readonly isProduction: boolean;
}

function problemsOf({ name, kind, url }: NewDatabase) {
  const isName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(name);
  const isUrl = /^postgres(ql)?:\/\/\S+$/.test(url.trim());
  return {
    name: isName ? undefined : 'Letters, digits, “.”, “_” and “-”, at most 63.',
    url: kind === 'agent' || isUrl ? undefined : 'Like postgres://USER:PASSWORD@HOST:5432/DATABASE',
  };
}

/** Registers a database, so that the server knows it by a name. */
export function AddDatabasePage() {
  const canAdd = useCan('admin');
  return (
    <Page
      title="Add a database"
      above={<Link href="/">Databases</Link>}
      lead="The server then knows it by a name. Nothing in the database is changed."
    >
      {canAdd ? (
        <AddForm />
      ) : (
        <Notice look="info" title="You may not add databases">
          <p>Somebody with the scope admin can.</p>
        </Notice>
      )}
    </Page>
  );
}

function AddForm() {
  const [, goTo] = useLocation();
  const queries = useQueryClient();
  const [order, setOrder] = useState<NewDatabase>({
    ...{ name: '', kind: 'direct', url: '', isProduction: false },
  });
  const [isChecked, setChecked] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const problems = problemsOf(order);
  const add = async () => {
    setChecked(true);
    if (problems.name ?? problems.url) return;
    setBusy(true);
    setError(undefined);
    const { name, kind, url, isProduction } = order;
    try {
      const environment = isProduction ? 'production' : 'development';
      const place = kind === 'direct' ? { url: url.trim() } : {};
      await call('POST', '/api/databases', { body: { name, kind, environment, ...place } });
      await queries.invalidateQueries({ queryKey: ['databases'] });
      announce(`${name} was added`);
      goTo(timelineAddress(name));
    } catch (thrown) {
      setError(thrown instanceof ApiError ? thrown : undefined);
      setBusy(false);
    }
  };
  const isTaken = error?.code === 'DATABASE_REGISTERED';
  return (
    <Form label="Add a database" onSubmit={() => void add()}>
      <Field
        label="Name"
        hint="What scripts and people call it here, e.g. prod-api."
        error={isChecked && problems.name ? problems.name : isTaken ? error.message : undefined}
      >
        {(control) => (
          <input
            {...control}
            value={order.name}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => setOrder({ ...order, name: event.target.value })}
          />
        )}
      </Field>
      <Choices legend="Who reaches it?">
        <Choice
          type="radio"
          name="kind"
          label="This server connects to it"
          isChecked={order.kind === 'direct'}
          onChange={() => setOrder({ ...order, kind: 'direct' })}
        />
        <Choice
          type="radio"
          name="kind"
          label="Only an agent that runs beside it"
          hint="The server never learns its password."
          isChecked={order.kind === 'agent'}
          onChange={() => setOrder({ ...order, kind: 'agent' })}
        />
      </Choices>
      {order.kind === 'direct' && (
        <Field
          label="URL"
          hint="Kept sealed, and never shown again. For example postgres://USER:PASSWORD@HOST:5432/DATABASE"
          error={isChecked ? problems.url : undefined}
        >
          {(control) => (
            <input
              {...control}
              type="password"
              value={order.url}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => setOrder({ ...order, url: event.target.value })}
            />
          )}
        </Field>
      )}
      <Choice
        type="checkbox"
        label="It is production"
        hint="Its name has to be typed before anything in it is replaced or deleted."
        isChecked={order.isProduction}
        onChange={(isProduction) => setOrder({ ...order, isProduction })}
      />
      {error && !isTaken && <ErrorState error={error} title="It was not added" />}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={isBusy}>
          Add the database
        </Button>
        <ButtonLink href="/">Cancel</ButtonLink>
      </div>
    </Form>
  );
}
