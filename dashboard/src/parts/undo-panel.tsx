import { useState } from 'react';
import { useLocation } from 'wouter';
import { undoAddress } from '../addresses';
import { startJob } from '../api';
import { useDatabase } from '../queries';
import { Button } from './button';
import { useTypedName } from './dialog';
import { ErrorState } from './states';

/** The way back: brings the state before the last restore into place again. */
export function UndoPanel(props: {
  readonly database: string;
  /** Tag of what comes back. */
  readonly tag: string;
}) {
  const { database, tag } = props;
  const [, goTo] = useLocation();
  const summary = useDatabase(database);
  const isProduction = summary?.environment === 'production';
  const typed = useTypedName(isProduction ? database : undefined);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const undo = () => {
    if (!typed.check()) return;
    setBusy(true);
    setError(undefined);
    startJob('/api/undos', { database, ...(isProduction ? { confirm: database } : {}) })
      .then(({ id }) => goTo(undoAddress(database, id)))
      .catch((thrown: Error) => {
        setError(thrown);
        setBusy(false);
      });
  };
  return (
    <div className="stack">
      <p>
        Undo puts <strong>{tag}</strong>, what was in {database} before, back in its place. What is
        there now is kept too.
      </p>
      {typed.field}
      {error && <ErrorState error={error} title="Nothing was undone" />}
      <div className="form-actions">
        <Button onClick={undo} isBusy={isBusy}>
          Undo the restore of {database}
        </Button>
      </div>
    </div>
  );
}
