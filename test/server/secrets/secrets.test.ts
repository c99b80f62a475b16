import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/errors.js';
import { openSecrets } from '../../../src/jobs/secrets/open-secrets.js';
import { failure } from '../../support/failure.js';
import { makeTempFolder } from '../../support/temp-folder.js';

const newKey = () => randomBytes(32).toString('base64');
const keyFile = (home: string) => join(home, 'serve', 'secret.key');
const url = 'postgres://app:hunter2@db.internal:5432/shop';

async function codeOf(work: () => unknown): Promise<string> {
  const code: ErrorCode = 'SECRET_UNREADABLE';
  return (await failure(Promise.resolve().then(work), code)).hint ?? '';
}

describe('secrets at rest', () => {
  it('say nothing while they are sealed, and never the same', async () => {
    const secrets = await openSecrets({ home: makeTempFolder(), env: {} });
    const [one, other] = [secrets.seal(url, 'database shop'), secrets.seal(url, 'database shop')];
    expect(one).not.toBe(other);
    expect(one + Buffer.from(one, 'base64url').toString('latin1')).not.toMatch(/hunter2|internal/);
    expect(secrets.open(one, 'database shop')).toBe(url);
    expect(secrets.open(other, 'database shop')).toBe(url);
  });

  it('give back every text', async () => {
    const secrets = await openSecrets({ home: makeTempFolder(), env: {} });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, about) => {
        expect(secrets.open(secrets.seal(text, about), about)).toBe(text);
      }),
    );
  });

  it('open only as what they were sealed', async () => {
    const secrets = await openSecrets({ home: makeTempFolder(), env: {} });
    const sealed = secrets.seal(url, 'database shop');
    await codeOf(() => secrets.open(sealed, 'database test'));
    await codeOf(() => secrets.open(sealed, ''));
  });

  it('do not open when any part of them was changed', async () => {
    const secrets = await openSecrets({ home: makeTempFolder(), env: {} });
    const sealed = secrets.seal(url, 'database shop');
    const bytes = Buffer.from(sealed.split('.')[2] ?? '', 'base64url');
    const head = sealed.slice(0, sealed.lastIndexOf('.') + 1);
    for (const at of bytes.keys()) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const text = head + changed.toString('base64url');
      expect(() => secrets.open(text, 'database shop'), `byte ${at}`).toThrow(/was changed/);
    }
    for (const length of [0, 1, 12, 27, 28, bytes.length - 1]) {
      const text = head + bytes.subarray(0, length).toString('base64url');
      expect(() => secrets.open(text, 'database shop'), `${length} bytes`).toThrow(/was changed/);
    }
    for (const text of [
      '',
      'x',
      url,
      sealed.slice(1),
      `${sealed}.x`,
      sealed.replace('bs1', 'bs2'),
    ]) {
      expect(() => secrets.open(text, 'database shop'), text).toThrow(/was changed/);
    }
  });
});

describe('the key', () => {
  it('is made once, for its owner alone, and stays', async () => {
    const home = makeTempFolder();
    const first = await openSecrets({ home, env: {} });
    const sealed = first.seal(url, 'database shop');
    expect(statSync(keyFile(home)).mode & 0o777).toBe(0o600);
    expect(readFileSync(keyFile(home), 'utf8')).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    chmodSync(keyFile(home), 0o644);
    const second = await openSecrets({ home, env: {} });
    expect(second.open(sealed, 'database shop')).toBe(url);
    expect(statSync(keyFile(home)).mode & 0o777).toBe(0o600);
  });

  it('is the same for servers that start at once', async () => {
    const home = makeTempFolder();
    const all = await Promise.all(Array.from({ length: 20 }, () => openSecrets({ home, env: {} })));
    const sealed = all.map((secrets, index) => secrets.seal(`${index}`, 'x'));
    for (const secrets of all) {
      expect(sealed.map((text) => secrets.open(text, 'x'))).toEqual(all.map((_, at) => `${at}`));
    }
    expect(readdirSync(join(home, 'serve'))).toEqual(['secret.key']);
  });

  it('may be given, in base64 or hexadecimal, and then no file is made', async () => {
    const home = makeTempFolder();
    const key = randomBytes(32);
    const texts = [key.toString('base64'), key.toString('base64url'), key.toString('hex')];
    const [first, ...others] = await Promise.all(
      texts.map((text) => openSecrets({ home, env: { BELAY_SECRET_KEY: ` ${text}\n` } })),
    );
    const sealed = first?.seal(url, 'x') ?? '';
    for (const secrets of others) expect(secrets.open(sealed, 'x')).toBe(url);
    expect(existsSync(keyFile(home))).toBe(false);
  });

  it('can be changed: the first one seals, all of them open', async () => {
    const home = makeTempFolder();
    const [old, next] = [newKey(), newKey()];
    const before = await openSecrets({ home, env: { BELAY_SECRET_KEY: old } });
    const both = await openSecrets({ home, env: { BELAY_SECRET_KEY: `${next},${old}` } });
    const after = await openSecrets({ home, env: { BELAY_SECRET_KEY: next } });
    const sealed = before.seal(url, 'x');
    expect(both.open(sealed, 'x')).toBe(url);
    expect(after.open(both.seal(url, 'x'), 'x')).toBe(url);
    const hint = await codeOf(() => after.open(sealed, 'x'));
    expect(hint).toContain('Add the key that sealed it to BELAY_SECRET_KEY');
  });

  it('of the file still opens after one was given', async () => {
    const home = makeTempFolder();
    const sealed = (await openSecrets({ home, env: {} })).seal(url, 'x');
    const given = await openSecrets({ home, env: { BELAY_SECRET_KEY: newKey() } });
    expect(given.open(sealed, 'x')).toBe(url);
    const elsewhere = makeTempFolder();
    await openSecrets({ home: elsewhere, env: {} });
    const hint = await codeOf(async () =>
      (await openSecrets({ home: elsewhere, env: {} })).open(given.seal(url, 'x'), 'x'),
    );
    expect(hint).toContain('set BELAY_SECRET_KEY on all of them');
  });

  it.each(['short', newKey().slice(1), `${newKey()},x`, 'g'.repeat(64), `${newKey()}A`])(
    'that is none is refused, and not repeated: %j',
    async (text) => {
      const opening = openSecrets({ home: makeTempFolder(), env: { BELAY_SECRET_KEY: text } });
      const { message, hint } = await failure(opening, 'BAD_CONFIG');
      const last = text.split(',').at(-1) ?? text;
      expect(last.length > 5 ? `${message} ${hint}` : '').not.toContain(last);
    },
  );

  it('that was damaged is not replaced in silence', async () => {
    const home = makeTempFolder();
    await openSecrets({ home, env: {} });
    writeFileSync(keyFile(home), 'not a key\n');
    await failure(openSecrets({ home, env: {} }), 'FILE_ERROR');
    expect(readFileSync(keyFile(home), 'utf8')).toBe('not a key\n');
  });

  it('needs a folder to lie in', async () => {
    const home = makeTempFolder({ serve: 'a file where a folder should be' });
    await failure(openSecrets({ home, env: {} }), 'FILE_ERROR');
  });
});
