import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Webhook, WebhookDelivery } from '../answers';
import { call } from '../api';
import { AdminOnly } from '../parts/admin-only';
import { boundWords } from '../parts/bound-databases';
import { Button } from '../parts/button';
import { Confirm } from '../parts/dialog';
import { ListFrame, useList } from '../parts/list';
import { Page } from '../parts/page';
import { SecretOnce } from '../parts/secret-once';
import { EmptyState, ErrorState, Notice } from '../parts/states';
import { Table } from '../parts/table';
import { Badge, Facts, Time } from '../parts/values';
import { type MadeWebhook, WebhookForm } from '../parts/webhook-form';
import { useCan } from '../session';
import '../styles/reports.css';

/** Whom the server tells what happened. */
export function WebhooksPage() {
  const isAdmin = useCan('admin');
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<MadeWebhook>();
  const take = (answer: MadeWebhook) => {
    setMade(answer);
    setMaking(false);
  };
  return (
    <Page
      title="Webhooks"
      lead="Addresses that are told what happens: a checkpoint that was not proven, drift, a restore. Messages are signed and hold no rows."
      actions={
        isAdmin &&
        !isMaking && (
          <Button look="primary" onClick={() => setMaking(true)}>
            Add webhook
          </Button>
        )
      }
    >
      <div className="stack">
        <AdminOnly>
          {made && (
            <SecretOnce
              title={`Secret of ${made.webhook.url}`}
              label="Secret"
              secret={made.secret}
              onDone={() => setMade(undefined)}
            >
              <p>
                With it the receiver checks the header <code>webhook-signature</code>, as the
                Standard Webhooks specification has it.
              </p>
            </SecretOnce>
          )}
          {isMaking && <WebhookForm onMade={take} onCancel={() => setMaking(false)} />}
          <WebhookList />
        </AdminOnly>
      </div>
    </Page>
  );
}

function WebhookList() {
  const list = useList<Webhook>({ key: ['webhooks'], path: '/api/webhooks', field: 'webhooks' });
  return (
    <ListFrame
      list={list}
      failure="The webhooks could not be read"
      empty={
        <EmptyState title="Nobody is told yet.">
          <p>Add the address of your chat or alerting, and choose what it is told.</p>
        </EmptyState>
      }
    >
      {(webhooks) => (
        <ul className="branches">
          {webhooks.map((webhook) => (
            <li key={webhook.id}>
              <WebhookCard webhook={webhook} />
            </li>
          ))}
        </ul>
      )}
    </ListFrame>
  );
}

function WebhookCard({ webhook }: { readonly webhook: Webhook }) {
  const { id, url, events, databases, enabled, lastAttempt } = webhook;
  const queries = useQueryClient();
  const [isShown, setShown] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const address = `/api/webhooks/${encodeURIComponent(id)}`;
  const forget = () => queries.invalidateQueries({ queryKey: ['webhooks'] });
  const test = useMutation<WebhookDelivery, Error>({
    mutationFn: () => call('POST', `${address}/test`, { body: {} }),
    onSuccess: forget,
  });
  const remove = useMutation<unknown, Error>({
    mutationFn: () => call('DELETE', address),
    onSuccess: forget,
  });
  return (
    <section className="branch card" aria-label={`Webhook ${url}`}>
      <h2>
        {url}{' '}
        <Badge look={enabled ? 'ok' : 'danger'}>
          {enabled ? 'on' : 'off: its receiver is gone'}
        </Badge>
      </h2>
      <Facts
        facts={[
          ['Told', events.join(', ')],
          ['Databases', boundWords(databases)],
          [
            'Last message',
            lastAttempt ? <LastAttempt key="last" attempt={lastAttempt} /> : 'none yet',
          ],
        ]}
      />
      <div className="form-actions">
        <Button onClick={() => test.mutate()} isBusy={test.isPending}>
          Send a test
        </Button>
        <Button onClick={() => setShown(!isShown)} aria-expanded={isShown}>
          Deliveries
        </Button>
        <Button onClick={() => setAsking(true)}>Remove</Button>
      </div>
      {test.error && <ErrorState error={test.error} title="The test was not sent" />}
      {test.data && <TestResult delivery={test.data} />}
      {isShown && <Deliveries id={id} url={url} />}
      {isAsking && (
        <Confirm
          title="Remove the webhook?"
          action="Remove the webhook"
          isBusy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          <p>{url} is told nothing any more; what waits for delivery goes as well.</p>
        </Confirm>
      )}
    </section>
  );
}

function LastAttempt({ attempt }: { readonly attempt: NonNullable<Webhook['lastAttempt']> }) {
  return (
    <>
      <Badge look={attempt.ok ? 'ok' : 'danger'}>{attempt.ok ? 'delivered' : 'failed'}</Badge>{' '}
      <Time at={attempt.at} />
    </>
  );
}

function TestResult({ delivery }: { readonly delivery: WebhookDelivery }) {
  const isDelivered = delivery.state === 'delivered';
  return (
    <div role="status">
      <Notice
        look={isDelivered ? 'ok' : 'danger'}
        title={isDelivered ? 'The test was delivered' : 'The test was not delivered'}
      >
        <p>{answerWords(delivery)}</p>
      </Notice>
    </div>
  );
}

function answerWords({ status, problem }: WebhookDelivery): string {
  if (problem) return problem;
  return status === null ? 'There was no answer.' : `The receiver answered with status ${status}.`;
}

const stateLooks = { delivered: 'ok', pending: 'info', 'given-up': 'danger' } as const;

function Deliveries({ id, url }: { readonly id: string; readonly url: string }) {
  const list = useList<WebhookDelivery>({
    key: ['webhooks', id, 'deliveries'],
    path: `/api/webhooks/${encodeURIComponent(id)}/deliveries`,
    field: 'deliveries',
    refreshMs: 10_000,
  });
  return (
    <ListFrame
      list={list}
      failure="The deliveries could not be read"
      empty={<p>Nothing was sent yet. A test shows whether it arrives.</p>}
    >
      {(deliveries) => (
        <Table
          caption={`Messages to ${url}, newest first`}
          rows={deliveries}
          keyOf={(delivery) => delivery.id}
          columns={[
            { title: 'Event', isName: true, cell: ({ event }) => event },
            { title: 'Database', cell: ({ database }) => database ?? '—' },
            {
              title: 'State',
              cell: ({ state }) => (
                <Badge look={stateLooks[state]}>{state.replace('-', ' ')}</Badge>
              ),
            },
            { title: 'Attempts', isNumber: true, cell: ({ attempts }) => attempts },
            { title: 'When', cell: ({ createdAt }) => <Time at={createdAt} /> },
            { title: 'Answer', cell: answerWords },
            {
              title: 'Next attempt',
              cell: ({ nextAttemptAt }) => (nextAttemptAt ? <Time at={nextAttemptAt} /> : '—'),
            },
          ]}
        />
      )}
    </ListFrame>
  );
}
