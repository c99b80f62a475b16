import type { ReactNode } from 'react';
import { useCan, useSession } from '../session';
import { Notice } from './states';

/** What only administrators see; others are told why they do not. */
export function AdminOnly({ children }: { readonly children: ReactNode }) {
  const { caller } = useSession();
  if (useCan('admin')) return children;
  return (
    <Notice look="info" title="This page is for administrators">
      <p>
        {caller.name} has the scope {caller.scopes.join(', ')}. Sign in with a token or as a person
        of the scope admin to use it.
      </p>
    </Notice>
  );
}
