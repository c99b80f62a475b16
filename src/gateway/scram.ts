import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** RFC 5802 and 7677 as PostgreSQL speaks them, without channel binding. */
export const scramMechanism = 'SCRAM-SHA-256';

const iterations = 4096;
const derive = promisify(pbkdf2);

const hmac = (key: Buffer, text: string | Buffer) =>
  createHmac('sha256', key).update(text).digest();
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

function xor(left: Buffer, right: Buffer): Buffer {
  const result = Buffer.allocUnsafe(left.length);
  for (let at = 0; at < left.length; at += 1) {
    result[at] = (left[at] as number) ^ (right[at] as number);
  }
  return result;
}

/**
 * The part of SASLprep that changes passwords people have: other spaces become a space, what is not seen goes, and
 * compatible letters become one. PostgreSQL, too, goes on with the password as it is where the full rules refuse it.
 */
function prepare(password: string): string {
  return password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu, ' ')
    .replace(
      /\u00ad|\u034f|\u1806|\u2060|\ufeff|[\u180b-\u180d]|\u200c|\u200d|[\ufe00-\ufe0f]/gu,
      '',
    )
    .normalize('NFKC');
}

interface Keys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

async function deriveKeys(password: string, salt: Buffer, rounds: number): Promise<Keys> {
  const salted = await derive(prepare(password), salt, rounds, 32, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  return { clientKey, storedKey: sha256(clientKey), serverKey: hmac(salted, 'Server Key') };
}

/** What a gateway keeps to check a password. Made once: the derivation is what costs. */
export interface ScramVerifier {
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export async function makeVerifier(password: string): Promise<ScramVerifier> {
  const salt = randomBytes(16);
  const { storedKey, serverKey } = await deriveKeys(password, salt, iterations);
  return { salt, storedKey, serverKey };
}

function attributes(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]));
}

/** The server's side of one login. Undefined results mean: refuse. */
export class ScramServer {
  readonly #verifier: ScramVerifier;
  #gs2Header = '';
  #clientFirst = '';
  #serverFirst = '';
  #nonce = '';

  constructor(verifier: ScramVerifier) {
    this.#verifier = verifier;
  }

  /** @param text client-first-message @returns server-first-message */
  first(text: string): string | undefined {
    // "p=" would be channel binding, which is not on offer; an authorization identity is not PostgreSQL's.
    const match = /^([ny],,)(n=[^,]*,r=([!-+\--~]+)(?:,.*)?)$/.exec(text);
    if (!match) return undefined;
    this.#gs2Header = match[1] as string;
    this.#clientFirst = match[2] as string;
    this.#nonce = (match[3] as string) + randomBytes(18).toString('base64');
    const salt = this.#verifier.salt.toString('base64');
    this.#serverFirst = `r=${this.#nonce},s=${salt},i=${iterations}`;
    return this.#serverFirst;
  }

  /** @param text client-final-message @returns server-final-message: the password was right */
  final(text: string): string | undefined {
    const proofAt = text.lastIndexOf(',p=');
    if (proofAt === -1) return undefined;
    const withoutProof = text.slice(0, proofAt);
    const given = attributes(withoutProof);
    const proof = Buffer.from(text.slice(proofAt + 3), 'base64');
    const binding = Buffer.from(this.#gs2Header).toString('base64');
    if (given.get('c') !== binding || given.get('r') !== this.#nonce) return undefined;
    if (proof.length !== 32) return undefined;
    const spoken = `${this.#clientFirst},${this.#serverFirst},${withoutProof}`;
    const clientKey = xor(proof, hmac(this.#verifier.storedKey, spoken));
    if (!timingSafeEqual(sha256(clientKey), this.#verifier.storedKey)) return undefined;
    return `v=${hmac(this.#verifier.serverKey, spoken).toString('base64')}`;
  }
}

/**
 * Derived keys of passwords that servers asked for: the same few, for every connection. Keyed by a hash, so that no
 * password stays in memory longer than the settings that hold it.
 */
const derivedKeys = new Map<string, Promise<Keys>>();
const maxDerivedKeys = 100;

function cachedKeys(password: string, salt: Buffer, rounds: number): Promise<Keys> {
  const id = createHash('sha256').update(`${rounds} `).update(salt).update(password).digest('hex');
  let keys = derivedKeys.get(id);
  if (!keys) {
    if (derivedKeys.size >= maxDerivedKeys) derivedKeys.clear();
    keys = deriveKeys(password, salt, rounds);
    derivedKeys.set(id, keys);
  }
  return keys;
}

/** The client's side of one login. Undefined results mean: the server is not who it has to be. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce = randomBytes(18).toString('base64');
  #expected = '';

  constructor(password: string) {
    this.#password = password;
  }

  /** @returns client-first-message */
  first(): string {
    return `n,,n=,r=${this.#nonce}`;
  }

  /** @param text server-first-message @returns client-final-message */
  async final(text: string): Promise<string | undefined> {
    const given = attributes(text);
    const [nonce, salt, rounds] = [given.get('r'), given.get('s'), Number(given.get('i'))];
    if (!nonce?.startsWith(this.#nonce) || salt === undefined) return undefined;
    // More rounds than this only keep the machine busy.
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > 10_000_000) return undefined;
    const keys = await cachedKeys(this.#password, Buffer.from(salt, 'base64'), rounds);
    const withoutProof = `c=biws,r=${nonce}`;
    const spoken = `n=,r=${this.#nonce},${text},${withoutProof}`;
    const proof = xor(keys.clientKey, hmac(keys.storedKey, spoken)).toString('base64');
    this.#expected = `v=${hmac(keys.serverKey, spoken).toString('base64')}`;
    return `${withoutProof},p=${proof}`;
  }

  /** @param text server-final-message @returns whether the server, too, knows the password */
  isServer(text: string): boolean {
    return this.#expected !== '' && text.split(',')[0] === this.#expected;
  }
}
