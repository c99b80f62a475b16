import { describe, expect, it } from 'vitest';
import type { BelayError } from '../../../src/errors.js';
import { allowedByEnvironment, openAddresses } from '../../../src/jobs/addresses/open-addresses.js';

const names: Record<string, readonly string[]> = {
  'example.com': ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  localhost: ['127.0.0.1', '::1'],
  'inner.example.com': ['10.0.0.5'],
  'half-inner.example.com': ['93.184.215.14', '192.168.1.1'],
  'metadata.google.internal': ['169.254.169.254'],
  'mapped.example.com': ['::ffff:127.0.0.1'],
  'scoped.example.com': ['fe80::1%eth0'],
  'broken.example.com': ['what?'],
  'empty.example.com': [],
  'xn--bcher-kva.example': ['93.184.215.14'],
};

const resolve = async (host: string) => {
  const found = names[host];
  if (found === undefined) throw new Error('ENOTFOUND');
  return found;
};

const check = (url: string, allow: readonly string[] = []) =>
  openAddresses({ allow, resolve }).check(url);

async function refusal(url: string, allow: readonly string[] = []): Promise<BelayError> {
  const error: unknown = await check(url, allow).then(
    () => new Error(`${url} is called`),
    (thrown: unknown) => thrown,
  );
  expect(error, url).toMatchObject({ code: expect.stringMatching(/^(ADDRESS_REFUSED|BAD_URL)$/) });
  return error as BelayError;
}

describe('addresses that a server does not call', () => {
  it.each([
    // This machine, in every spelling that some resolver reads.
    ...['https://127.0.0.1/', 'https://127.0.0.1:8443/hook', 'https://127.1/', 'https://127.0.1/'],
    ...['https://2130706433/', 'https://0x7f000001/', 'https://0x7f.1/', 'https://0x7f.0.0.1/'],
    ...['https://017700000001/', 'https://0177.0.0.1/', 'https://0177.1/', 'https://127.0.0.1./'],
    ...['https://0/', 'https://0.0.0.0/', 'https://127.255.255.254/', 'https://127.0.0.0x1/'],
    ...['https://①②⑦.⓪.⓪.①/', 'https://127。0。0。1/', 'https://%31%32%37.0.0.1/'],
    ...[
      'https://localhost/',
      'https://LOCALHOST/',
      'https://localhost./',
      'https://localhost:443/',
    ],
    ...['https://[::1]/', 'https://[0:0:0:0:0:0:0:1]/', 'https://[::]/', 'https://[::127.0.0.1]/'],
    ...[
      'https://[::ffff:127.0.0.1]/',
      'https://[::ffff:7f00:1]/',
      'https://[0:0:0:0:0:ffff:7f00:0001]/',
    ],
    ...['https://[::ffff:0:127.0.0.1]/', 'https://mapped.example.com/'],
    // Networks inside.
    ...[
      'https://10.0.0.1/',
      'https://10.255.255.255/',
      'https://172.16.0.1/',
      'https://172.31.255.1/',
    ],
    ...['https://192.168.0.1/', 'https://167772161/', 'https://0xa.1/', 'https://012.0.0.1/'],
    ...[
      'https://100.64.0.1/',
      'https://100.100.100.200/',
      'https://[fc00::1]/',
      'https://[fd12:3456::1]/',
    ],
    ...[
      'https://inner.example.com/',
      'https://half-inner.example.com/',
      'https://[::ffff:10.0.0.1]/',
    ],
    // Where clouds have credentials.
    ...['https://169.254.169.254/latest/meta-data/', 'https://0xa9fea9fe/', 'https://2852039166/'],
    ...[
      'https://0251.0376.0251.0376/',
      'https://[::ffff:169.254.169.254]/',
      'https://[::ffff:a9fe:a9fe]/',
    ],
    ...[
      'https://[fd00:ec2::254]/',
      'https://[fe80::1]/',
      'https://[febf::1]/',
      'https://[fec0::1]/',
    ],
    ...['https://metadata.google.internal/', 'https://168.63.129.16/', 'https://192.0.0.192/'],
    ...['https://scoped.example.com/'],
    // IPv4 inside of IPv6, by way of somebody else.
    ...[
      'https://[64:ff9b::7f00:1]/',
      'https://[64:ff9b::169.254.169.254]/',
      'https://[64:ff9b:1::1]/',
    ],
    ...['https://[2002:7f00:1::]/', 'https://[2002:a9fe:a9fe::1]/', 'https://[2001:0:7f00:1::]/'],
    // Nobody's in particular.
    ...[
      'https://224.0.0.1/',
      'https://239.255.255.255/',
      'https://[ff02::1]/',
      'https://255.255.255.255/',
    ],
    ...[
      'https://240.0.0.1/',
      'https://192.0.2.1/',
      'https://198.51.100.1/',
      'https://203.0.113.1/',
    ],
    ...[
      'https://198.18.0.1/',
      'https://192.88.99.1/',
      'https://[2001:db8::1]/',
      'https://[100::1]/',
    ],
    ...['https://[3fff::1]/', 'https://[4000::1]/', 'https://[1::1]/', 'https://[2001:10::1]/'],
    // Names that lead nowhere.
    ...[
      'https://unknown.example.com/',
      'https://empty.example.com/',
      'https://broken.example.com/',
    ],
    // Not https, or not only an address.
    ...['http://example.com/', 'http://127.0.0.1/', 'ftp://example.com/', 'file:///etc/passwd'],
    ...[
      'gopher://example.com/',
      'javascript:alert(1)',
      'data:text/plain,x',
      'postgres://example.com/',
    ],
    ...[
      'https://user@example.com/',
      'https://user:secret@example.com/',
      'https://:secret@example.com/',
    ],
    ...[
      'https://example.com@127.0.0.1/',
      'https://127.0.0.1#@example.com/',
      'https://127.0.0.1\\@example.com/',
    ],
    // Not a URL.
    ...[
      '',
      'example.com',
      '//example.com',
      'https://',
      'https:///',
      'https://[::1/',
      'https://1.2.3.4.5/',
    ],
    ...[
      'https://exa mple.com/',
      'https://example.com/\n',
      ' https://example.com/',
      'https://example\t.com/',
    ],
    ...[
      'https://256.1.1.1/',
      'https://0x100000000/',
      'https://example.com:99999/',
      'https://a\0b/',
    ],
  ])('%j', async (url) => {
    await refusal(url);
  });

  it('are refused in words that hold neither password nor path', async () => {
    const { message, hint } = await refusal('https://ada:hunter2@example.com/?key=hunter3');
    expect(`${message} ${hint}`).not.toMatch(/hunter/);
    const bad = await refusal('https://[hunter2');
    expect(`${bad.message} ${bad.hint}`).not.toMatch(/hunter/);
  });
});

describe('addresses that a server calls', () => {
  it.each([
    ['https://example.com/hook', ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c']],
    ['https://EXAMPLE.com.:8443/', ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c']],
    ['https://bücher.example/', ['93.184.215.14']],
    ['https://93.184.215.14/', ['93.184.215.14']],
    ['https://[2606:4700::1111]/', ['2606:4700::1111']],
    ['https://9.255.255.255/', ['9.255.255.255']],
    ['https://11.0.0.0/', ['11.0.0.0']],
    ['https://172.15.255.255/', ['172.15.255.255']],
    ['https://172.32.0.0/', ['172.32.0.0']],
    ['https://100.63.255.255/', ['100.63.255.255']],
    ['https://100.128.0.0/', ['100.128.0.0']],
    ['https://223.255.255.255/', ['223.255.255.255']],
  ])('%s leads to %j', async (url, addresses) => {
    const { ips } = await check(url);
    expect(ips.map(({ address }) => address)).toEqual(addresses);
    expect(ips.map(({ family }) => family)).toEqual(
      addresses.map((one) => (one.includes(':') ? 6 : 4)),
    );
  });

  it.each([
    ['inner.example.com', 'https://inner.example.com/', 'https://10.0.0.5/'],
    ['inner.example.com:8443', 'https://inner.example.com:8443/', 'https://inner.example.com/'],
    ['INNER.example.com.', 'https://inner.example.com/', 'https://localhost/'],
    ['10.0.0.0/8', 'https://inner.example.com/', 'https://11.0.0.1.example/'],
    ['10.0.0.5', 'https://inner.example.com:99/', 'https://10.0.0.6/'],
    ['127.0.0.1:9000', 'http://127.0.0.1:9000/hook', 'http://127.0.0.1:9001/hook'],
    ['127.0.0.1:80', 'http://127.1/', 'http://127.0.0.2/'],
    ['[::1]:9000', 'http://[::1]:9000/', 'http://[::1]:9001/'],
    ['fd00::/8', 'https://[fd12::1]/', 'https://[fc00::1]/'],
    ['localhost', 'http://localhost:1/', 'http://127.0.0.1:1/'],
    ['bücher.example', 'http://bücher.example/', 'http://example.com/'],
    ['10.0.0.0/8', 'http://inner.example.com/', 'https://half-inner.example.com/'],
  ])('where %s is allowed, %s is called and %s is not', async (entry, called, refused) => {
    await check(called, [entry]);
    await refusal(refused, [entry]);
  });

  it.each([
    '',
    'a b',
    'https://example.com',
    'example.com:0',
    'example.com:70000',
    'a/b',
    '10.0.0.0/33',
    '[::1',
    'a@b',
  ])('%j cannot be allowed', (entry) => {
    expect(() => openAddresses({ allow: [entry] })).toThrow(
      /is not an address that can be allowed/,
    );
  });

  it('come from the environment as a list', () => {
    const env = { BELAY_ALLOW_ADDRESSES: 'hooks.internal:8443, 10.0.0.0/8' };
    expect(allowedByEnvironment(env)).toEqual(['hooks.internal:8443', '10.0.0.0/8']);
    expect(allowedByEnvironment({})).toEqual([]);
  });
});
