import type { ReactNode } from 'react';
import { ApiError } from '../api';
import { Button } from './button';

/** Nothing is here yet: what to do about it. */
export function EmptyState(props: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}) {
  return (
    <div className="empty">
      <p className="empty-title">{props.title}</p>
      {props.children}
      {props.action && <div className="empty-action">{props.action}</div>}
    </div>
  );
}

/** What went wrong and what to do next. Read out at once. */
export function ErrorState(props: {
  readonly error: Error;
  /** What could not be done, e.g. "The snapshots could not be read". */
  readonly title?: string;
  readonly onRetry?: (() => void) | undefined;
  readonly children?: ReactNode;
}) {
  const { error } = props;
  const { code, hint } = error instanceof ApiError ? error : { code: 'BUG', hint: undefined };
  return (
    <div className="notice notice-danger" role="alert">
      <p className="notice-title">{props.title ?? explain(code)}</p>
      <p>{error.message}</p>
      {hint && <p className="notice-hint">{hint}</p>}
      <p className="notice-code">
        <code>{code}</code>
      </p>
      {props.onRetry && <Button onClick={props.onRetry}>Try again</Button>}
      {props.children}
    </div>
  );
}

function explain(code: string): string {
  if (code === 'OFFLINE') return 'The server is out of reach';
  if (code === 'FORBIDDEN') return 'You may not do this';
  if (code === 'CANCELLED') return 'Cancelled';
  return 'That did not work';
}

export type NoticeLook = 'info' | 'ok' | 'warn' | 'danger';

/** Something to know, in a box. */
export function Notice(props: {
  readonly look: NoticeLook;
  readonly title?: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className={`notice notice-${props.look}`}>
      {props.title && <p className="notice-title">{props.title}</p>}
      {props.children}
    </div>
  );
}

/** Something is on its way. */
export function Loading({ what = 'Loading' }: { readonly what?: string }) {
  return (
    <p className="loading" role="status">
      <span className="spinner" aria-hidden="true" /> {what}…
    </p>
  );
}
