import type { ComponentProps, ReactNode } from 'react';
import { Link } from 'wouter';

export type ButtonLook = 'primary' | 'plain' | 'danger' | 'quiet';

interface ButtonProps extends Omit<ComponentProps<'button'>, 'className'> {
  readonly look?: ButtonLook;
  /** Work is going on: it cannot be pressed again, and keeps the focus. */
  readonly isBusy?: boolean;
}

/** A button whose words say what happens. */
export function Button({ look = 'plain', isBusy = false, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${look}`}
      // Not `disabled`: that would take the focus away from who has just pressed it.
      aria-disabled={isBusy || undefined}
      onClick={isBusy ? (event) => event.preventDefault() : rest.onClick}
    >
      {isBusy && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}

/** A link that looks like a button, because it begins something on a page of its own. */
export function ButtonLink(props: {
  readonly href: string;
  readonly look?: ButtonLook;
  readonly children: ReactNode;
  readonly label?: string;
}) {
  return (
    <Link
      href={props.href}
      className={`button button-${props.look ?? 'plain'}`}
      aria-label={props.label}
    >
      {props.children}
    </Link>
  );
}
