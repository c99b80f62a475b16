import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { BelayError } from '../../errors.js';

interface Parameters {
  /** log2 of scrypt's N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MB and some 200 ms for each guess; as strong as 128 MB once, and a small server can afford it. */
const current: Parameters = { logN: 15, r: 8, p: 3 };
const hashBytes = 32;
const atOnce = 2;
const mostWaiting = 32;
const minCharacters = 12;
export const maxPasswordBytes = 1024;

/** @throws BelayError USAGE */
export function checkPassword(password: string): void {
  const length = [...normalize(password)].length;
  if (length < minCharacters) {
    throw new BelayError('USAGE', `the password has ${length} characters`, {
      hint: `It needs at least ${minCharacters}; four words are easy to remember.`,
    });
  }
  if (Buffer.byteLength(password) > maxPasswordBytes) {
    throw new BelayError('USAGE', 'the password is longer than 1,024 bytes', {
      hint: 'Take a shorter one: from some 40 characters on, nothing gets safer.',
    });
  }
}

/**
 * @returns text with the parameters, a salt of its own and the hash
 * @throws BelayError THROTTLED where too many wait
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, current);
  return encode(current, salt, hash);
}

/**
 * @param stored what `hashPassword` gave; undefined: there is no such person, which takes as long to find out as a wrong password
 * @throws BelayError THROTTLED where too many wait
 */
export async function verifyPassword(
  password: string,
  stored: string | undefined,
): Promise<boolean> {
  const { parameters, salt, hash } = decode(stored ?? nobody);
  const derived = await derive(password, salt, parameters);
  return timingSafeEqual(derived, hash) && stored !== undefined;
}

/** Whether it was made with other parameters than a new one would be. */
export function isOutdated(stored: string): boolean {
  const { logN, r, p } = decode(stored).parameters;
  return logN !== current.logN || r !== current.r || p !== current.p;
}

function encode({ logN, r, p }: Parameters, salt: Buffer, hash: Buffer): string {
  return ['scrypt', logN, r, p, salt.toString('base64'), hash.toString('base64')].join('$');
}

const nobody = encode(current, randomBytes(16), randomBytes(hashBytes));

function decode(stored: string) {
  const [, logN, r, p, salt = '', hash = ''] = stored.split('$');
  return {
    parameters: { logN: Number(logN), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

/** The same letters can be typed as different bytes: é is one character or two. */
function normalize(password: string): string {
  return password.normalize('NFKC');
}

let running = 0;
const waiting: (() => void)[] = [];

/** A guess costs 32 MB: without a bound, a hundred at once would take the memory of the whole server. */
async function derive(password: string, salt: Buffer, { logN, r, p }: Parameters): Promise<Buffer> {
  if (running >= atOnce) {
    if (waiting.length >= mostWaiting) {
      throw new BelayError('THROTTLED', 'too many people sign in at once', {
        hint: 'Try again in some seconds.',
        details: { retryAfterSeconds: 10 },
      });
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else {
    running += 1;
  }
  try {
    const N = 2 ** logN;
    const options = { N, r, p, maxmem: 256 * N * r };
    return await new Promise<Buffer>((resolve, reject) => {
      scrypt(normalize(password), salt, hashBytes, options, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
  } finally {
    // Its place goes to the next one, or is free.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}
