import { readFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openAddresses } from '../../../src/jobs/addresses/open-addresses.js';
import { makeCertificates } from '../../support/certificates.js';
import { failure } from '../../support/failure.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { type Receiver, startReceiver } from './receiver.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function receiverAt(host: string, port = 0): Promise<Receiver> {
  const receiver = await startReceiver(port, host);
  ends.push(() => receiver.close());
  return receiver;
}

/** A resolver that says something else each time. */
function turning(...answers: readonly string[]) {
  const asked: string[] = [];
  const resolve = async (host: string) => {
    asked.push(host);
    return [answers[Math.min(asked.length, answers.length) - 1] ?? ''];
  };
  return { resolve, asked };
}

describe('what is called', () => {
  it('is the address that was checked, whatever the name leads to a moment later', async () => {
    const good = await receiverAt('127.0.0.2');
    const inner = await receiverAt('127.0.0.3', good.port);
    const { resolve, asked } = turning('127.0.0.2', '127.0.0.3');
    const addresses = openAddresses({ allow: ['127.0.0.2'], resolve });
    const url = `http://rebind.invalid:${good.port}/hook?a=1`;
    expect(await addresses.send(url, { method: 'GET' })).toEqual({ status: 200, body: 'thanks' });
    expect(asked).toEqual(['rebind.invalid']);
    expect(good.received).toMatchObject([
      { path: '/hook?a=1', headers: { host: `rebind.invalid:${good.port}` } },
    ]);
    // The next call asks again, and is refused.
    const { message } = await failure(addresses.send(url, { method: 'GET' }), 'ADDRESS_REFUSED');
    expect(message).toContain('it leads to 127.0.0.3');
    expect(inner.received).toEqual([]);
  });

  it('is nothing where one of its addresses is inside', async () => {
    const receiver = await receiverAt('127.0.0.2');
    const resolve = async () => ['127.0.0.2', '127.0.0.3'];
    const addresses = openAddresses({ allow: ['127.0.0.2'], resolve });
    const url = `http://two.invalid:${receiver.port}/`;
    await failure(addresses.send(url, { method: 'POST', body: 'x' }), 'ADDRESS_REFUSED');
    expect(receiver.received).toEqual([]);
  });

  it('has to be who it says, by a certificate for the name', async () => {
    const files = await makeCertificates(makeTempFolder());
    const server = createTlsServer(
      { cert: readFileSync(files.serverCertFile), key: readFileSync(files.serverKeyFile) },
      (request, response) => response.end(`hello ${request.headers.host}`),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    const { port } = server.address() as AddressInfo;
    const resolve = async () => ['127.0.0.1'];
    const trusting = (file: string) =>
      openAddresses({ allow: ['127.0.0.1'], resolve, ca: readFileSync(file, 'utf8') });
    const url = `https://localhost:${port}/`;
    const answer = await trusting(files.rootCertFile).send(url, { method: 'GET' });
    expect(answer).toEqual({ status: 200, body: `hello localhost:${port}` });
    const others = [
      trusting(files.otherRootCertFile).send(url, { method: 'GET' }),
      openAddresses({ allow: ['127.0.0.1'], resolve }).send(url, { method: 'GET' }),
      trusting(files.rootCertFile).send(`https://other.invalid:${port}/`, { method: 'GET' }),
    ];
    for (const other of others) await failure(other, 'SERVER_UNREACHABLE');
  });

  it('has to answer in time', async () => {
    const silent = await receiverAt('127.0.0.1');
    silent.answer('hang');
    const dripping = await receiverAt('127.0.0.1');
    dripping.answer((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const addresses = openAddresses({ allow: ['127.0.0.1'] });
    for (const { url } of [silent, dripping]) {
      const sending = addresses.send(url, { method: 'POST', body: '{}', timeoutMs: 400 });
      const { message } = await failure(sending, 'SERVER_UNREACHABLE');
      expect(message).toContain('no answer within 0.4 s');
    }
  });

  it('is read no further than its first 16 KB', async () => {
    const receiver = await receiverAt('127.0.0.1');
    receiver.answer((response) => response.end('x'.repeat(1024 * 1024)));
    const addresses = openAddresses({ allow: ['127.0.0.1'] });
    const { body } = await addresses.send(receiver.url, { method: 'GET' });
    expect(body).toBe('x'.repeat(16 * 1024));
  });

  it('may speak no HTTP, or hang up', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      socket.end('SSH-2.0-OpenSSH_9.2\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const addresses = openAddresses({ allow: ['127.0.0.1'] });
    const sending = addresses.send(`http://127.0.0.1:${port}/`, { method: 'GET' });
    await failure(sending, 'SERVER_UNREACHABLE');
  });

  it('is let go when whoever asked has gone', async () => {
    const receiver = await receiverAt('127.0.0.1');
    receiver.answer('hang');
    const controller = new AbortController();
    const addresses = openAddresses({ allow: ['127.0.0.1'] });
    const sending = addresses.send(receiver.url, { method: 'GET', signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(sending).rejects.toThrow('gone');
  });
});
