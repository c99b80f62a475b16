import type { Person, Token } from '../../contract/access.js';
import type { Caller } from '../../contract/caller.js';
import type { Scope } from '../../contract/scope.js';

export type { Person, Token };

export interface NewToken {
  readonly name?: string | undefined;
  /** "agent": may only take jobs of its databases and report them. */
  readonly kind?: Token['kind'] | undefined;
  readonly scopes: readonly Scope[];
  readonly databases?: readonly string[] | undefined;
  /** ISO 8601. */
  readonly expiresAt?: string | undefined;
}

export interface NewPerson {
  readonly name: string;
  /** At least 12 characters; kept as scrypt. */
  readonly password: string;
  readonly scopes: readonly Scope[];
  readonly databases?: readonly string[] | undefined;
}

export interface SignedIn {
  readonly caller: Caller;
  /** Of the session: for the cookie alone. */
  readonly secret: string;
  /** Sent back by pages in the header `x-csrf-token` with everything but GET. */
  readonly csrf: string;
  readonly expiresAt: string;
}

export type Credentials =
  | { readonly name: string; readonly password: string }
  | { readonly token: string }
  | { readonly code: string };

export interface Access {
  /** Shown once: only its hash is kept. */
  createToken(order: NewToken): Promise<{ readonly token: string; readonly record: Token }>;
  listTokens(): Promise<readonly Token[]>;
  /** @throws BelayError TOKEN_NOT_FOUND */
  revokeToken(id: string): Promise<Token>;
  /** A token that is good now, or a person: somebody can sign in. Agents' tokens do not count. */
  hasAnyCredential(): Promise<boolean>;
  /** @returns undefined where it is none, expired or revoked */
  callerOfToken(token: string): Promise<Caller | undefined>;

  /** @throws BelayError PERSON_EXISTS, USAGE */
  createPerson(order: NewPerson): Promise<Person>;
  listPeople(): Promise<readonly Person[]>;
  /** Ends the sessions too. @throws BelayError PERSON_NOT_FOUND */
  removePerson(id: string): Promise<void>;
  /** Ends the sessions too. @throws BelayError PERSON_NOT_FOUND, USAGE */
  setPassword(id: string, password: string): Promise<void>;

  /**
   * A code that signs in once, as admin, within ten minutes: for the link that `serve` prints where nobody is set up yet.
   */
  createSignInCode(): Promise<string>;
  /**
   * A session by a token has that token's rights and ends with it.
   * @param source address of the client, for throttling
   * @throws BelayError UNAUTHENTICATED, THROTTLED (details: `retryAfterSeconds`)
   */
  signIn(credentials: Credentials, source: string): Promise<SignedIn>;
  sessionOf(secret: string): Promise<Omit<SignedIn, 'secret'> | undefined>;
  signOut(secret: string): Promise<void>;
  /** Ends what holds connections and timers. */
  close(): Promise<void>;
}
