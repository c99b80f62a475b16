import { useState } from 'react';
import { useLocation } from 'wouter';
import type { Snapshot } from '../../../src/domain/snapshot';
import { timelineAddress } from '../addresses';
import { announce } from '../announce';
import { ApiError, call, withQuery } from '../api';
import { formatBytes, plural } from '../format';
import { useDatabase } from '../queries';
import { useCan } from '../session';
import { tagProblem } from '../tag';
import { useForgetDatabase } from '../use-job';
import { Button } from './button';
import { Confirm, Dialog } from './dialog';
import { Choice, Choices, Field, Form } from './form';
import { Section } from './page';
import { ErrorState } from './states';

interface Props {
  readonly database: string;
  readonly snapshot: Snapshot;
}

const addressOf = ({ database, snapshot }: Props): string =>
  `/api/snapshots/${encodeURIComponent(database)}/${encodeURIComponent(snapshot.id)}`;

/** Rename, protect, delete: what the caller may do of it. */
export function SnapshotActions(props: Props) {
  const [open, setOpen] = useState<'rename' | 'protect' | 'delete'>();
  const canChange = useCan('restore');
  const canDelete = useCan('admin');
  const close = () => setOpen(undefined);
  if (!canChange && !canDelete) return null;
  return (
    <Section title="Change it">
      <div className="row">
        {canChange && <Button onClick={() => setOpen('rename')}>Rename</Button>}
        {canChange && <Button onClick={() => setOpen('protect')}>Protect</Button>}
        {canDelete && <Button onClick={() => setOpen('delete')}>Delete the snapshot</Button>}
      </div>
      {open === 'rename' && <Rename {...props} onClose={close} />}
      {open === 'protect' && <Protect {...props} onClose={close} />}
      {open === 'delete' && <Delete {...props} onClose={close} />}
    </Section>
  );
}

/** One call that changes a snapshot, and what it was answered. */
function useChange(props: Props, done: string, onDone: () => void) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const forget = useForgetDatabase();
  const change = (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    work()
      .then(() => {
        announce(done);
        onDone();
        forget(props.database);
      })
      .catch((thrown: unknown) => {
        setBusy(false);
        setError(
          thrown instanceof ApiError
            ? thrown
            : new ApiError({ code: 'BUG', message: String(thrown) }),
        );
      });
  };
  return { isBusy, error, change };
}

function Rename(props: Props & { readonly onClose: () => void }) {
  const [tag, setTag] = useState(props.snapshot.tag);
  const [problem, setProblem] = useState<string>();
  const { isBusy, error, change } = useChange(props, 'Renamed', props.onClose);
  const isAboutTag = error && ['TAG_EXISTS', 'BAD_TAG'].includes(error.code);
  const submit = () => {
    const wrong = tagProblem(tag.trim());
    setProblem(wrong);
    if (!wrong) change(() => call('PATCH', addressOf(props), { body: { tag: tag.trim() } }));
  };
  return (
    <Dialog title={`Rename ${props.snapshot.tag}`} onClose={props.onClose}>
      <Form label="Rename the snapshot" onSubmit={submit}>
        <Field label="New tag" error={problem ?? (isAboutTag ? error.message : undefined)}>
          {(control) => (
            <input
              {...control}
              value={tag}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => setTag(event.target.value)}
            />
          )}
        </Field>
        {error && !isAboutTag && <ErrorState error={error} title="It was not renamed" />}
        <div className="form-actions">
          <Button type="submit" look="primary" isBusy={isBusy}>
            Rename
          </Button>
          <Button onClick={props.onClose}>Cancel</Button>
        </div>
      </Form>
    </Dialog>
  );
}

const dayMs = 86_400_000;
const spans = {
  week: ['For a week', 7],
  quarter: ['For 90 days', 90],
  forever: ['Until somebody ends it', null],
  none: ['Not any more', null],
} as const;
type Span = keyof typeof spans;

function untilOf(span: Span): string | null {
  if (span === 'forever') return 'forever';
  const days = spans[span][1];
  return days === null ? null : new Date(Date.now() + days * dayMs).toISOString();
}

function Protect(props: Props & { readonly onClose: () => void }) {
  const [span, setSpan] = useState<Span>('forever');
  const { isBusy, error, change } = useChange(props, 'Protection changed', props.onClose);
  const submit = () =>
    change(() => call('PATCH', addressOf(props), { body: { protectedUntil: untilOf(span) } }));
  return (
    <Dialog title={`Protect ${props.snapshot.tag}`} onClose={props.onClose}>
      <Form label="Protect the snapshot" onSubmit={submit}>
        <Choices legend="How long may nothing delete it?">
          {(Object.keys(spans) as Span[])
            .filter((one) => one !== 'none' || props.snapshot.protectedUntil !== null)
            .map((one) => (
              <Choice
                key={one}
                type="radio"
                name="span"
                label={spans[one][0]}
                isChecked={span === one}
                onChange={() => setSpan(one)}
              />
            ))}
        </Choices>
        {error && <ErrorState error={error} title="Its protection was not changed" />}
        <div className="form-actions">
          <Button type="submit" look="primary" isBusy={isBusy}>
            {span === 'none' ? 'End the protection' : 'Protect'}
          </Button>
          <Button onClick={props.onClose}>Cancel</Button>
        </div>
      </Form>
    </Dialog>
  );
}

function Delete(props: Props & { readonly onClose: () => void }) {
  const { database, snapshot } = props;
  const [, goTo] = useLocation();
  const isProduction = useDatabase(database)?.environment === 'production';
  const { isBusy, error, change } = useChange(props, 'Deleted', () =>
    goTo(timelineAddress(database)),
  );
  const remove = (typed: string | undefined) =>
    change(() => call('DELETE', withQuery(addressOf(props), { confirm: typed })));
  const { fingerprint, sizeBytes, copies } = snapshot;
  return (
    <Confirm
      title={`Delete ${snapshot.tag}?`}
      action={`Delete ${snapshot.tag} for good`}
      typedName={isProduction ? database : undefined}
      isBusy={isBusy}
      error={error ?? null}
      onConfirm={remove}
      onClose={props.onClose}
    >
      <p>
        {fingerprint
          ? `${plural(fingerprint.rows, 'row')} in ${plural(fingerprint.tables, 'table')}`
          : 'Its rows'}{' '}
        ({formatBytes(sizeBytes)}) are lost as they were then,{' '}
        {copies.length > 1 ? 'its clone and its archive' : 'its only copy'} with them. Nobody can
        undo that. The database {database} itself stays as it is.
      </p>
    </Confirm>
  );
}
