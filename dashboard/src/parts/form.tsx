import { type FormEvent, type ReactNode, useId } from 'react';

/** What a control gets so that its label, hint and error belong to it. */
export interface ControlProps {
  readonly id: string;
  readonly 'aria-describedby'?: string;
  readonly 'aria-invalid'?: true;
}

/**
 * A control with its label, a hint and, right beside it, what is wrong with it.
 *
 * @example
 * <Field label="Tag" error={error}>{(control) => <input {...control} name="tag" />}</Field>
 */
export function Field(props: {
  readonly label: string;
  readonly isOptional?: boolean;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly children: (control: ControlProps) => ReactNode;
}) {
  const id = useId();
  const described = [props.hint && `${id}-hint`, props.error && `${id}-error`].filter(Boolean);
  return (
    <div className="field">
      <label htmlFor={id}>
        {props.label}
        {props.isOptional && <span className="field-optional"> (optional)</span>}
      </label>
      {props.hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {props.hint}
        </p>
      )}
      {props.children({
        id,
        ...(described.length > 0 ? { 'aria-describedby': described.join(' ') } : {}),
        ...(props.error ? { 'aria-invalid': true } : {}),
      })}
      {props.error && (
        <p className="field-error" id={`${id}-error`} role="alert">
          {props.error}
        </p>
      )}
    </div>
  );
}

/** One of several, or one of its own, with its words beside it. */
export function Choice(props: {
  readonly type: 'radio' | 'checkbox';
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly name?: string;
  readonly isChecked: boolean;
  readonly isDisabled?: boolean;
  readonly onChange: (isChecked: boolean) => void;
}) {
  const id = useId();
  return (
    <div className="choice">
      <input
        id={id}
        type={props.type}
        name={props.name}
        checked={props.isChecked}
        disabled={props.isDisabled}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onChange={(event) => props.onChange(event.target.checked)}
      />
      <div>
        <label htmlFor={id}>{props.label}</label>
        {props.hint && (
          <p className="field-hint" id={`${id}-hint`}>
            {props.hint}
          </p>
        )}
      </div>
    </div>
  );
}

/** Choices that belong together, under one question. */
export function Choices(props: {
  readonly legend: string;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly children: ReactNode;
}) {
  const id = useId();
  return (
    <fieldset className="choices" aria-describedby={props.error ? `${id}-error` : undefined}>
      <legend>{props.legend}</legend>
      {props.hint && <p className="field-hint">{props.hint}</p>}
      {props.children}
      {props.error && (
        <p className="field-error" id={`${id}-error`} role="alert">
          {props.error}
        </p>
      )}
    </fieldset>
  );
}

/** A form whose fields are checked here and by the server, not by the browser's own bubbles. */
export function Form(props: {
  /** Says what it is for, to people who jump from form to form. */
  readonly label: string;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSubmit();
  };
  return (
    <form aria-label={props.label} noValidate onSubmit={submit} className="form">
      {props.children}
    </form>
  );
}
