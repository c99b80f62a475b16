import type { Caller } from '../../contract/caller.js';
import { BelayError } from '../../errors.js';
import type { Catalog } from '../../jobs/catalog/catalog.js';
import type { Access, Credentials, SignedIn } from './access.js';
import {
  createPerson,
  listPeople,
  nameKey,
  personByPassword,
  removePerson,
  setPassword,
} from './people.js';
import {
  cleanSessions,
  createSession,
  createSignInCode,
  endSession,
  firstPerson,
  readSession,
  type Session,
  type SessionOwner,
  useSignInCode,
} from './sessions.js';
import { ShortMemory } from './short-memory.js';
import { beginAttempt, cleanAttempts } from './throttle.js';
import { parseToken } from './token-text.js';
import {
  createToken,
  isTokenGood,
  isTokenText,
  type KnownToken,
  listTokens,
  noteTokenUse,
  readToken,
  revokeToken,
  tokenForSession,
} from './tokens.js';

export interface AccessOptions {
  readonly catalog: Catalog;
  /** Called when tokens, people or sessions have changed here or on another server: what is open may have to end. */
  readonly onChange?: (() => void) | undefined;
}

/** What was found is believed for so long where no notice of a change comes. */
const believedMs = 2_000;
const useNotedEveryMs = 60_000;
const mostRemembered = 10_000;

/**
 * Who may do what: tokens, people and sessions, kept in the catalog.
 *
 * @example
 * const access = openAccess({ catalog });
 * const { token } = await access.createToken({ scopes: ['checkpoint'], databases: ['shop'] });
 */
export function openAccess({ catalog, onChange }: AccessOptions): Access {
  return new CatalogAccess(catalog, onChange ?? (() => {}));
}

class CatalogAccess implements Access {
  readonly #catalog: Catalog;
  readonly #onChange: () => void;
  readonly #tokens = new ShortMemory<KnownToken | 'none'>(mostRemembered);
  readonly #sessions = new ShortMemory<Session | 'none'>(mostRemembered);
  /** When the use of a token was last noted, by the monotonic clock. */
  readonly #notedAtMs = new Map<string, number>();
  readonly #underWay = new Set<Promise<unknown>>();
  #listening: Promise<() => Promise<void>> | undefined;
  #isClosed = false;

  constructor(catalog: Catalog, onChange: () => void) {
    this.#catalog = catalog;
    this.#onChange = onChange;
  }

  createToken: Access['createToken'] = (order) => createToken(this.#catalog, order);
  listTokens: Access['listTokens'] = () => listTokens(this.#catalog);
  revokeToken: Access['revokeToken'] = (id) => this.#changed(revokeToken(this.#catalog, id));
  createPerson: Access['createPerson'] = (order) => createPerson(this.#catalog, order);
  listPeople: Access['listPeople'] = () => listPeople(this.#catalog);
  removePerson: Access['removePerson'] = (id) => this.#changed(removePerson(this.#catalog, id));
  setPassword: Access['setPassword'] = (id, password) =>
    this.#changed(setPassword(this.#catalog, id, password));
  createSignInCode: Access['createSignInCode'] = () => createSignInCode(this.#catalog);
  signOut: Access['signOut'] = (secret) => this.#changed(endSession(this.#catalog, secret));

  async hasAnyCredential(): Promise<boolean> {
    const [row] = await this.#catalog.query<{ readonly has: boolean }>(
      `SELECT EXISTS (SELECT FROM belay_server.people)
           OR EXISTS (SELECT FROM belay_server.tokens t WHERE t.kind = 'token' AND ${isTokenGood}) AS has`,
      [],
      'looking whether anybody is set up',
    );
    return row?.has ?? false;
  }

  async callerOfToken(text: string): Promise<Caller | undefined> {
    const id = parseToken(text)?.id;
    if (id === undefined) return undefined;
    const known = this.#tokens.peek(id) ?? (await this.#lookUpToken(id));
    if (known === 'none' || !isTokenText(known, text)) return undefined;
    this.#noteUse(id);
    return known.caller;
  }

  async signIn(credentials: Credentials, source: string): Promise<SignedIn> {
    const name = 'name' in credentials ? nameKey(credentials.name) : undefined;
    const attempt = await beginAttempt(this.#catalog, { name, source });
    let signedIn: SignedIn | undefined;
    try {
      signedIn = await this.#begin(credentials);
    } catch (error) {
      await attempt.forgive();
      throw error;
    }
    if (signedIn === undefined) throw refusal(credentials);
    await attempt.succeeded();
    this.#inBackground(Promise.all([cleanSessions(this.#catalog), cleanAttempts(this.#catalog)]));
    return signedIn;
  }

  async sessionOf(secret: string): Promise<Session | undefined> {
    if (!/^[\w-]{43}$/.test(secret)) return undefined;
    const known = this.#sessions.peek(secret) ?? (await this.#lookUpSession(secret));
    return known === 'none' ? undefined : known;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#forget();
    const stop = await this.#listening?.catch(() => undefined);
    await stop?.();
    await Promise.all(this.#underWay);
  }

  #lookUpToken(id: string): Promise<KnownToken | 'none'> {
    this.#listen();
    return this.#tokens.read(id, async () => {
      const found = await readToken(this.#catalog, id);
      const goodForMs = Math.min(believedMs, found?.leftMs ?? believedMs);
      return { value: found?.known ?? 'none', goodForMs };
    });
  }

  #lookUpSession(secret: string): Promise<Session | 'none'> {
    this.#listen();
    return this.#sessions.read(secret, async () => {
      const found = await readSession(this.#catalog, secret);
      const goodForMs = Math.min(believedMs, found?.leftMs ?? believedMs);
      return { value: found?.session ?? 'none', goodForMs };
    });
  }

  /** @returns undefined where they are wrong */
  async #begin(credentials: Credentials): Promise<SignedIn | undefined> {
    const found = await this.#ownerOf(credentials);
    return found && createSession(this.#catalog, found.owner, found.caller);
  }

  async #ownerOf(
    credentials: Credentials,
  ): Promise<{ readonly owner: SessionOwner; readonly caller: Caller } | undefined> {
    if ('code' in credentials) {
      const isGood = await useSignInCode(this.#catalog, credentials.code);
      return isGood ? { owner: 'code', caller: firstPerson } : undefined;
    }
    if ('token' in credentials) {
      const token = await tokenForSession(this.#catalog, credentials.token);
      return token && { owner: { tokenId: token.id }, caller: token.caller };
    }
    const { name, password } = credentials;
    const person = await personByPassword(this.#catalog, name, password);
    if (person === undefined) return undefined;
    const { id, name: ownName, scopes, databases } = person;
    const caller: Caller = { kind: 'person', id, name: ownName, scopes, databases };
    return { owner: { personId: id }, caller };
  }

  /** What was believed is not any more; the catalog tells the other servers. */
  async #changed<T>(change: Promise<T>): Promise<T> {
    const result = await change;
    this.#forget();
    this.#onChange();
    return result;
  }

  #forget(): void {
    this.#tokens.clear();
    this.#sessions.clear();
  }

  /** From the first look-up on: a command that only makes a token needs no ear. */
  #listen(): void {
    if (this.#listening !== undefined || this.#isClosed) return;
    const onNews = () => {
      this.#forget();
      this.#onChange();
    };
    this.#listening = this.#catalog.listen('belay_access', onNews, onNews);
    // Without notices, what was found is still asked for again every two seconds.
    this.#listening.catch(() => {
      this.#listening = undefined;
    });
  }

  #noteUse(id: string): void {
    const now = performance.now();
    const noted = this.#notedAtMs.get(id);
    if (noted !== undefined && now - noted < useNotedEveryMs) return;
    this.#notedAtMs.set(id, now);
    this.#inBackground(noteTokenUse(this.#catalog, id));
  }

  /** What nobody waits for, and what may fail: it is done again the next time. */
  #inBackground(work: Promise<unknown>): void {
    if (this.#isClosed) return;
    const ending = work
      .catch(() => {})
      .finally(() => {
        this.#underWay.delete(ending);
      });
    this.#underWay.add(ending);
  }
}

function refusal(credentials: Credentials): BelayError {
  if ('token' in credentials) {
    return new BelayError('UNAUTHENTICATED', 'the token is wrong, expired or revoked', {
      hint: 'Ask an administrator for another one. Agents’ tokens do not sign in.',
    });
  }
  if ('code' in credentials) {
    return new BelayError('UNAUTHENTICATED', 'the sign-in link was used already, or is too old', {
      hint: 'A link is good once, for ten minutes: start the server again for a new one, or make a token with `belay token create --scope admin`.',
    });
  }
  return new BelayError('UNAUTHENTICATED', 'the name or the password is wrong', {
    hint: 'Try again, or let somebody who may set it anew with `belay person password`.',
  });
}
