import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { FatalError } from './error-response.js';
import { ConnectionEnded, MessageInbox } from './message-inbox.js';
import { maxStartupBytes, negotiateVersion } from './protocol.js';
import { parseStartupPacket, type StartupPacket } from './startup-packet.js';

/** What a new connection is for. */
export type AcceptedClient =
  | {
      readonly type: 'session';
      /** With TLS, if the client asked for it. */
      readonly socket: Socket;
      readonly parameters: ReadonlyMap<string, string>;
    }
  | { readonly type: 'cancel'; readonly key: Buffer };

/** First byte of a TLS handshake: no length of a startup packet begins like that. */
const tlsHandshake = 0x16;
const alpnProtocol = 'postgresql';
/** A fatal alert, "handshake failure", for a client that begins with TLS where there is none. */
const handshakeFailure = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28]);

/**
 * Hears what a client wants, up to and with its startup packet. Nothing is known of it then.
 *
 * @throws FatalError to tell the client, ConnectionEnded where it does not speak the protocol
 */
export async function acceptClient(
  raw: Socket,
  tlsContext: SecureContext | undefined,
  onTls: (socket: Socket) => void,
): Promise<AcceptedClient> {
  let socket = raw;
  let inbox = new MessageInbox(socket, maxStartupBytes);
  const encrypt = async () => {
    inbox.release();
    socket = await startTls(socket, tlsContext as SecureContext);
    onTls(socket);
    inbox = new MessageInbox(socket, maxStartupBytes);
  };
  try {
    if ((await inbox.peek()) === tlsHandshake) {
      if (!tlsContext) {
        socket.write(handshakeFailure);
        throw new ConnectionEnded('TLS from the first byte, and no certificate');
      }
      await encrypt();
      // Without the protocol's name, something else may be talked into talking to a database.
      if ((socket as TLSSocket).alpnProtocol !== alpnProtocol) {
        throw new ConnectionEnded('direct TLS without ALPN "postgresql"');
      }
    }
    // Each kind of encryption may be asked for once.
    for (let requests = 0; requests <= 2; requests += 1) {
      const said = parseStartupPacket(await inbox.nextPacket());
      if (said.type === 'ssl' && tlsContext && socket === raw) {
        // Bytes behind the request would be taken for encrypted ones: somebody in between put them there.
        if (inbox.unread > 0) throw new ConnectionEnded('data before the TLS handshake');
        socket.write('S');
        await encrypt();
      } else if (said.type === 'ssl' || said.type === 'gss') socket.write('N');
      else return begin(said, socket);
    }
    throw new ConnectionEnded('only requests for encryption');
  } finally {
    inbox.release();
  }
}

function begin(said: StartupPacket, socket: Socket): AcceptedClient {
  if (said.type === 'cancel') return said;
  if (said.type === 'unsupported') {
    throw new FatalError({
      sqlState: '0A000',
      message: `unsupported frontend protocol ${said.version}: server supports 3.0 to 3.0`,
    });
  }
  if (said.type !== 'startup') {
    throw new FatalError({ sqlState: '08P01', message: 'invalid startup packet layout' });
  }
  if (!said.parameters.get('user')) {
    throw new FatalError({
      sqlState: '28000',
      message: 'no PostgreSQL user name specified in startup packet',
    });
  }
  if (said.minor > 0 || said.protocolOptions.length > 0) {
    socket.write(negotiateVersion(said.protocolOptions));
  }
  return { type: 'session', socket, parameters: said.parameters };
}

async function startTls(socket: Socket, secureContext: SecureContext): Promise<Socket> {
  const encrypted = new TLSSocket(socket, {
    ...{ isServer: true, secureContext, ALPNProtocols: [alpnProtocol] },
  });
  await new Promise<void>((resolve, reject) => {
    encrypted.once('error', reject);
    encrypted.once('close', () => reject(new ConnectionEnded('closed during the TLS handshake')));
    encrypted.once('secure', () => {
      encrypted.off('error', reject);
      resolve();
    });
  });
  return encrypted;
}
