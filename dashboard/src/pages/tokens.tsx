import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { TokenRecord } from '../answers';
import { call } from '../api';
import { AdminOnly } from '../parts/admin-only';
import { boundWords } from '../parts/bound-databases';
import { Button } from '../parts/button';
import { Confirm } from '../parts/dialog';
import { ListFrame, useList } from '../parts/list';
import { Page } from '../parts/page';
import { SecretOnce } from '../parts/secret-once';
import { EmptyState } from '../parts/states';
import { Table } from '../parts/table';
import { TokenForm } from '../parts/token-form';
import { Badge, Time } from '../parts/values';
import { useCan } from '../session';
import '../styles/reports.css';

interface Made {
  readonly token: string;
  readonly record: TokenRecord;
}

/** What scripts, assistants and agents call with. */
export function TokensPage() {
  const isAdmin = useCan('admin');
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<Made>();
  const queries = useQueryClient();
  const take = (answer: Made) => {
    setMade(answer);
    setMaking(false);
    void queries.invalidateQueries({ queryKey: ['tokens'] });
  };
  return (
    <Page
      title="Tokens"
      lead="What scripts, assistants and agents call the server with. Each may do what its scope says, and no more."
      actions={
        isAdmin &&
        !isMaking && (
          <Button look="primary" onClick={() => setMaking(true)}>
            Create token
          </Button>
        )
      }
    >
      <div className="stack">
        <AdminOnly>
          {made && (
            <SecretOnce
              title={`Token “${made.record.name}”`}
              label="Token"
              secret={made.token}
              onDone={() => setMade(undefined)}
            />
          )}
          {isMaking && <TokenForm onMade={take} onCancel={() => setMaking(false)} />}
          <TokenList />
        </AdminOnly>
      </div>
    </Page>
  );
}

function TokenList() {
  const list = useList<TokenRecord>({ key: ['tokens'], path: '/api/tokens', field: 'tokens' });
  const [revoking, setRevoking] = useState<TokenRecord>();
  return (
    <>
      <ListFrame
        list={list}
        failure="The tokens could not be read"
        empty={
          <EmptyState title="There is no token yet.">
            <p>Create one for your deploy script: the scope checkpoint is enough for it.</p>
          </EmptyState>
        }
      >
        {(tokens) => <Tokens tokens={tokens} onRevoke={setRevoking} />}
      </ListFrame>
      {revoking && <Revoke token={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  );
}

function Tokens(props: {
  readonly tokens: readonly TokenRecord[];
  readonly onRevoke: (token: TokenRecord) => void;
}) {
  return (
    <Table
      caption="Tokens"
      rows={props.tokens}
      keyOf={({ id }) => id}
      columns={[
        {
          title: 'Name',
          isName: true,
          cell: ({ name, id }) => (
            <>
              {name} <code>{id}</code>
            </>
          ),
        },
        {
          title: 'May',
          cell: ({ kind, scopes }) => (kind === 'agent' ? 'agent' : scopes.join(', ')),
        },
        { title: 'Databases', cell: ({ databases }) => boundWords(databases) },
        { title: 'State', cell: (token) => <State token={token} /> },
        {
          title: 'Last used',
          cell: ({ lastUsedAt }) => (lastUsedAt ? <Time at={lastUsedAt} /> : 'never'),
        },
        { title: 'Created', cell: ({ createdAt }) => <Time at={createdAt} /> },
        {
          title: 'Action',
          cell: (token) =>
            token.revokedAt === null && (
              <Button onClick={() => props.onRevoke(token)}>
                Revoke<span className="visually-hidden"> {token.name}</span>
              </Button>
            ),
        },
      ]}
    />
  );
}

function State({ token: { revokedAt, expiresAt } }: { readonly token: TokenRecord }) {
  if (revokedAt) return <Badge look="danger">revoked</Badge>;
  if (!expiresAt) return <Badge look="ok">good</Badge>;
  const isOver = Date.parse(expiresAt) <= Date.now();
  return (
    <>
      <Badge look={isOver ? 'danger' : 'ok'}>{isOver ? 'expired' : 'good'}</Badge>{' '}
      {isOver ? 'ended' : 'ends'} <Time at={expiresAt} />
    </>
  );
}

function Revoke({ token, onClose }: { readonly token: TokenRecord; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const revoke = useMutation<unknown, Error>({
    mutationFn: () => call('DELETE', `/api/tokens/${encodeURIComponent(token.id)}`),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ['tokens'] });
      onClose();
    },
  });
  return (
    <Confirm
      title={`Revoke the token “${token.name}”?`}
      action="Revoke the token"
      isBusy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    >
      <p>Within seconds nobody can use it any more. What calls with it has to get another one.</p>
    </Confirm>
  );
}
