import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { branchOfDatabaseName } from '../../../src/gateway/database-name.js';
import { startupPacket } from '../../../src/gateway/protocol.js';
import { makeVerifier, ScramClient, ScramServer } from '../../../src/gateway/scram.js';
import { serverParameters } from '../../../src/gateway/session-parameters.js';
import { parseStartupPacket } from '../../../src/gateway/startup-packet.js';

describe('SCRAM-SHA-256', () => {
  async function logIn(known: string, given: string) {
    const [server, client] = [new ScramServer(await makeVerifier(known)), new ScramClient(given)];
    const challenge = server.first(client.first()) ?? '';
    const outcome = server.final((await client.final(challenge)) ?? '');
    return { outcome, isServer: client.isServer(outcome ?? '') };
  }

  it.each(['secret', 'p,=w', 'wörd ÅÅ', 'ＦＵＬＬ', '\u00a0'])(
    'both sides know %s',
    async (word) => {
      expect((await logIn(word, word)).isServer).toBe(true);
      expect((await logIn(word, `${word}x`)).outcome).toBeUndefined();
    },
  );

  it('takes nothing that is no answer', async () => {
    const server = new ScramServer(await makeVerifier('x'));
    for (const text of ['', 'p=tls-unique,,n=,r=a', 'n,a=admin,n=,r=a', 'n,,n=,r=']) {
      expect(server.first(text)).toBeUndefined();
    }
    expect(server.first('n,,n=,r=abc')).toMatch(/^r=abc/);
    fc.assert(fc.property(fc.string(), (text) => server.final(text) === undefined));
  });
});

describe('the first packet', () => {
  it('is read whole, or not at all, whatever it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const packet = Buffer.concat([Buffer.alloc(4), Buffer.from(bytes)]);
        packet.writeInt32BE(packet.length);
        expect(parseStartupPacket(packet).type).toMatch(/./);
      }),
    );
    const names = fc
      .string({ minLength: 1 })
      .filter((text) => !text.includes('\0') && !text.startsWith('_pq_.'));
    const values = fc.string().filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, values), { selector: ([name]) => name }),
        (pairs) => {
          const parsed = parseStartupPacket(startupPacket(pairs));
          expect(parsed.type === 'startup' && [...parsed.parameters]).toEqual(
            pairs.map(([name, value]) => [
              Buffer.from(name).toString(),
              Buffer.from(value).toString(),
            ]),
          );
        },
      ),
    );
  });
});

describe('where a client wants to go', () => {
  it('is the current branch, a named one, or nowhere', () => {
    expect(branchOfDatabaseName('app', 'app')).toBeNull();
    expect(branchOfDatabaseName('app@feature/a@b', 'app')).toBe('feature/a@b');
    expect(branchOfDatabaseName('a@b@c', 'a@b')).toBe('c');
    for (const name of ['app@', 'App', 'app_x', 'ap']) {
      expect(() => branchOfDatabaseName(name, 'app')).toThrow('does not exist');
    }
  });

  it('keeps what makes a schema branch one', () => {
    const settings = {
      ...{ hosts: [{ host: 'x', port: 1 }], user: 'u', database: 'd' },
      ...{ ssl: { mode: 'disable' as const }, connectTimeoutMs: 1, options: '-c search_path=b' },
    };
    const client = new Map([
      ['user', 'somebody'],
      ['database', 'app'],
      ['search_path', 'mine'],
      ['options', '-c search_path=mine -c work_mem=1MB'],
      ['application_name', 'me'],
    ]);
    expect(Object.fromEntries(serverParameters(client, settings))).toEqual({
      ...{ user: 'u', database: 'd', application_name: 'me' },
      options: '-c search_path=mine -c work_mem=1MB -c search_path=b',
    });
  });
});
