import type { Scope } from './scope.js';

/** A token without its secret, which is shown once. */
export interface Token {
  readonly id: string;
  readonly name: string;
  readonly kind: 'token' | 'agent';
  readonly scopes: readonly Scope[];
  readonly databases: readonly string[] | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

/** Somebody who signs in to the page. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly databases: readonly string[] | null;
  readonly createdAt: string;
}
