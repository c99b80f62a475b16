import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { Button } from './button';
import { Field, Form } from './form';
import { ErrorState } from './states';

/**
 * A question above the page: the browser keeps the focus inside, Escape closes it, and the focus goes back to where it was.
 * Render it only while it is open.
 */
export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    const opener = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** Asks before something that cannot be taken back lightly; on production the name has to be typed. */
export function Confirm(props: {
  readonly title: string;
  /** What happens, and what is lost. */
  readonly children: ReactNode;
  /** What the button does, e.g. "Delete the snapshot". */
  readonly action: string;
  /** Has to be typed; left out: nothing has to be. */
  readonly typedName?: string | undefined;
  readonly look?: 'primary' | 'danger';
  readonly isBusy?: boolean;
  readonly error?: Error | null;
  /** @param typed what was typed; undefined where nothing had to be */
  readonly onConfirm: (typed: string | undefined) => void;
  readonly onClose: () => void;
}) {
  const typed = useTypedName(props.typedName);
  const confirm = () => {
    if (typed.check()) props.onConfirm(props.typedName);
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <Form label={props.title} onSubmit={confirm}>
        {props.children}
        {typed.field}
        {props.error && <ErrorState error={props.error} />}
        <div className="form-actions">
          <Button type="submit" look={props.look ?? 'danger'} isBusy={props.isBusy ?? false}>
            {props.action}
          </Button>
          <Button onClick={props.onClose}>Cancel</Button>
        </div>
      </Form>
    </Dialog>
  );
}

/** The field in which a name has to be typed, and whether it was. */
export function useTypedName(name: string | undefined, why = 'It is marked as production.') {
  const [text, setText] = useState('');
  const [error, setError] = useState<string>();
  const check = (): boolean => {
    const isRight = name === undefined || text.trim() === name;
    setError(isRight ? undefined : `Type ${name}, exactly so.`);
    return isRight;
  };
  const field = name !== undefined && (
    <Field label={`Type the name of the database, ${name}, to confirm`} hint={why} error={error}>
      {(control) => (
        <input
          {...control}
          value={text}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
      )}
    </Field>
  );
  return { field, check };
}
