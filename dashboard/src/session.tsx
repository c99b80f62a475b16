import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect } from 'react';
import type { Caller } from '../../src/contract/caller';
import type { Scope } from '../../src/contract/scope';
import { ApiError, call, onSignedOut, setCsrfToken } from './api';

export interface Session {
  readonly caller: Caller;
  readonly csrf: string;
  readonly expiresAt: string;
}

const included: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read'],
  checkpoint: ['checkpoint'],
  restore: ['restore', 'read', 'checkpoint'],
  admin: ['admin', 'restore', 'read', 'checkpoint'],
};

const SessionContext = createContext<Session | null>(null);

/** Who is signed in. Only below `SessionGate`. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('used outside of a session');
  return session;
}

/** Whether the one who is signed in may do what needs a scope. */
export function useCan(scope: Scope): boolean {
  return useSession().caller.scopes.some((given) => included[given].includes(scope));
}

const readSession = async (signal: AbortSignal): Promise<Session | null> => {
  try {
    return await call<Session>('GET', '/api/session', { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
};

/** Takes over a session that has just begun, or, with null, its end. */
export function useSetSession(): (session: Session | null) => void {
  const queries = useQueryClient();
  return (session) => {
    setCsrfToken(session?.csrf);
    if (!session) queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
    queries.setQueryData(['session'], session);
  };
}

/** Shows the page to who is signed in, and the sign-in page in its place, under the same address, to who is not. */
export function SessionGate(props: {
  readonly children: ReactNode;
  readonly signIn: ReactNode;
  readonly waiting: ReactNode;
  readonly failed: (error: ApiError, again: () => void) => ReactNode;
}): ReactNode {
  const queries = useQueryClient();
  const session = useQuery<Session | null, ApiError>({
    queryKey: ['session'],
    queryFn: ({ signal }) => readSession(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  setCsrfToken(session.data?.csrf);
  useEffect(() => onSignedOut(() => queries.setQueryData(['session'], null)), [queries]);
  if (session.data === undefined) {
    return session.error
      ? props.failed(session.error, () => void session.refetch())
      : props.waiting;
  }
  if (session.data === null) return props.signIn;
  return <SessionContext value={session.data}>{props.children}</SessionContext>;
}
