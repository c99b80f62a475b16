import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Webhook } from '../answers';
import { call } from '../api';
import { BoundDatabases, boundProblem } from './bound-databases';
import { Button } from './button';
import { Choice, Choices, Field, Form } from './form';
import { ErrorState } from './states';

export interface MadeWebhook {
  readonly webhook: Webhook;
  readonly secret: string;
}

const events = [
  ['checkpoint.failed', 'A checkpoint failed or was not proven'],
  ['checkpoint.proven', 'A checkpoint was proven'],
  ['drill.failed', 'An archive does not restore any more'],
  ['drill.proven', 'An archive was proven again'],
  ['drift.found', 'The schema was changed by hand'],
  ['restore.done', 'A database was restored, switched or undone'],
  ['branch.removed', 'A branch was removed'],
  ['job.failed', 'Any job failed'],
  ['job.succeeded', 'Any job was done'],
  ['job.cancelled', 'Any job was cancelled'],
] as const;

const first: readonly string[] = ['checkpoint.failed', 'drill.failed', 'drift.found'];

interface Order {
  readonly url: string;
  readonly events: readonly string[];
  readonly databases?: readonly string[];
}

function urlProblem(url: string): string | undefined {
  return /^https?:\/\/\S+$/i.test(url.trim()) ? undefined : 'Give a URL that begins with https://.';
}

/** Asks whom to tell, and what. */
export function WebhookForm(props: {
  readonly onMade: (made: MadeWebhook) => void;
  readonly onCancel: () => void;
}) {
  const queries = useQueryClient();
  const [url, setUrl] = useState('');
  const [chosen, setChosen] = useState(first);
  const [databases, setDatabases] = useState<readonly string[] | null>(null);
  const [isChecked, setChecked] = useState(false);
  const make = useMutation<MadeWebhook, Error, Order>({
    mutationFn: (order) => call('POST', '/api/webhooks', { body: order }),
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ['webhooks'] });
      props.onMade(made);
    },
  });
  const errors = {
    url: urlProblem(url),
    events: chosen.length === 0 ? 'Choose at least one.' : undefined,
    databases: boundProblem(databases),
  };
  const shown: Partial<typeof errors> = isChecked ? errors : {};
  const submit = () => {
    setChecked(true);
    if (Object.values(errors).some(Boolean)) return;
    make.mutate({
      ...{ url: url.trim(), events: chosen },
      ...(databases === null ? {} : { databases }),
    });
  };
  return (
    <Form label="Add webhook" onSubmit={submit}>
      <Field
        label="URL"
        hint="It has to be reached from the server, over https. Inner addresses have to be allowed when the server is started."
        error={shown.url}
      >
        {(control) => (
          <input
            {...control}
            type="url"
            value={url}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setUrl(event.target.value)}
          />
        )}
      </Field>
      <Choices legend="What it is told" error={shown.events}>
        {events.map(([event, words]) => (
          <Choice
            key={event}
            type="checkbox"
            label={words}
            hint={<code>{event}</code>}
            isChecked={chosen.includes(event)}
            onChange={(isOn) =>
              setChosen(isOn ? [...chosen, event] : chosen.filter((one) => one !== event))
            }
          />
        ))}
      </Choices>
      <BoundDatabases
        legend="Of which databases"
        value={databases}
        error={shown.databases}
        onChange={setDatabases}
      />
      {make.error && <ErrorState error={make.error} title="The webhook was not added" />}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={make.isPending}>
          Add the webhook
        </Button>
        <Button onClick={props.onCancel}>Cancel</Button>
      </div>
    </Form>
  );
}
