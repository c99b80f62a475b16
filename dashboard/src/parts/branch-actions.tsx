import { useState } from 'react';
import type { InventoryBranch } from '../../../src/contract/inventory';
import { withQuery } from '../api';
import { formatBytes } from '../format';
import { useDatabase } from '../queries';
import { useCan } from '../session';
import type { Work } from '../use-work';
import { Button } from './button';
import { Confirm } from './dialog';

/** Reset and delete, each with what is lost by it. */
export function BranchActions(props: {
  readonly database: string;
  readonly branch: InventoryBranch;
  readonly work: Work;
}) {
  const { database, branch, work } = props;
  const [mayReset, mayDelete] = [useCan('restore'), useCan('admin')];
  const [asking, setAsking] = useState<'reset' | 'delete'>();
  const isProduction = useDatabase(database)?.environment === 'production';
  const { name, basedOn, sizeBytes, isProtected } = branch;
  const address = `/api/branches/${encodeURIComponent(database)}/${encodeURIComponent(name)}`;
  const close = () => setAsking(undefined);
  const from = basedOn ? `“${basedOn}”` : 'the state that it was created from';
  const ask = (what: 'reset' | 'delete') => {
    work.clearError();
    setAsking(what);
  };
  const reset = async () => {
    if (await work.begin(`${address}/reset`, {})) close();
  };
  const remove = async (confirm: string | undefined) => {
    if (await work.begin(withQuery(address, { confirm }), undefined, 'DELETE')) close();
  };
  return (
    <div className="form-actions">
      {mayReset && <Button onClick={() => ask('reset')}>Reset {name}</Button>}
      {mayDelete && !isProtected && (
        <Button look="danger" onClick={() => ask('delete')}>
          Delete {name}
        </Button>
      )}
      {asking === 'reset' && (
        <Confirm
          title={`Reset ${name}?`}
          action={`Reset ${name}`}
          isBusy={work.isStarting}
          error={work.error}
          onConfirm={() => void reset()}
          onClose={close}
        >
          <p>
            It goes back to {from}.{' '}
            {branch.isolation === 'database'
              ? 'What was written in it since is kept as a snapshot of the branch.'
              : 'What was written in it since is lost.'}
          </p>
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title={`Delete ${name}?`}
          action={`Delete ${name}`}
          typedName={isProduction ? database : undefined}
          isBusy={work.isStarting}
          error={work.error}
          onConfirm={(typed) => void remove(typed)}
          onClose={close}
        >
          <p>
            The branch goes with everything that was written in it since {from}
            {sizeBytes === null ? '' : `: ${formatBytes(sizeBytes)} in all`}, and with the snapshots
            that were made of it. It cannot be undone. {database} itself is not touched.
          </p>
        </Confirm>
      )}
    </div>
  );
}
