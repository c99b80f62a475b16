import type { Socket } from 'node:net';
import type { Backend } from './backend.js';
import type { Authenticator } from './backend-login.js';
import { FatalError } from './error-response.js';
import { MessageInbox } from './message-inbox.js';
import {
  authentication,
  authenticationMessage,
  cString,
  backend as from,
  frontend,
  message,
  parameterStatus,
  readCString,
  readyForQuery,
  transactionStatus,
} from './protocol.js';
import { ScramServer, type ScramVerifier, scramMechanism } from './scram.js';

/** Longest message of a client that logs in; as PostgreSQL. */
const maxLoginBytes = 65_536;

/**
 * Checks a client's password by SCRAM-SHA-256, as a server would.
 * @throws FatalError 28P01
 */
export async function checkPassword(
  socket: Socket,
  user: string,
  verifier: ScramVerifier,
): Promise<void> {
  const refused = () =>
    new FatalError({
      sqlState: '28P01',
      message: `password authentication failed for user "${user}"`,
      hint: '`belay gateway` prints the URL, with the password that this gateway knows.',
    });
  const inbox = new MessageInbox(socket, maxLoginBytes);
  try {
    const scram = new ScramServer(verifier);
    socket.write(
      authenticationMessage(
        authentication.sasl,
        Buffer.concat([cString(scramMechanism), Buffer.from([0])]),
      ),
    );
    const first = initialResponse(await nextAnswer(inbox));
    const challenge = first === undefined ? undefined : scram.first(first);
    if (challenge === undefined) throw refused();
    socket.write(authenticationMessage(authentication.saslContinue, Buffer.from(challenge)));
    const outcome = scram.final((await nextAnswer(inbox)).toString());
    if (outcome === undefined) throw refused();
    socket.write(authenticationMessage(authentication.saslFinal, Buffer.from(outcome)));
  } finally {
    inbox.release();
  }
}

async function nextAnswer(inbox: MessageInbox): Promise<Buffer> {
  const { type, body } = await inbox.next();
  if (type === frontend.password) return body;
  throw new FatalError({
    sqlState: '08P01',
    message: `expected SASL response, got message type ${type}`,
  });
}

/** The text in a SASLInitialResponse for the one mechanism on offer. */
function initialResponse(body: Buffer): string | undefined {
  const mechanism = readCString(body, 0);
  if (mechanism?.text !== scramMechanism || body.length < mechanism.next + 4) return undefined;
  const length = body.readInt32BE(mechanism.next);
  const start = mechanism.next + 4;
  return length === body.length - start ? body.toString('utf8', start) : undefined;
}

/**
 * Lets a client log in with the server itself: for users whose password only the two of them know. Such a session cannot
 * be led elsewhere later.
 */
export class PassThroughLogin implements Authenticator {
  readonly #socket: Socket;
  #isDone = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async answer(kind: number, body: Buffer): Promise<Buffer | undefined> {
    const isFirst = kind !== authentication.saslContinue && kind !== authentication.saslFinal;
    if (isFirst && this.#isDone) {
      // A client answers once; a second server would get the answer to the first one's question.
      throw new FatalError({ sqlState: '08006', message: 'the server went away during the login' });
    }
    this.#isDone = true;
    this.#socket.write(
      authenticationMessage(kind, kind === authentication.sasl ? withoutBinding(body) : body),
    );
    if (kind === authentication.saslFinal) return undefined;
    const inbox = new MessageInbox(this.#socket, maxLoginBytes);
    try {
      return await nextAnswer(inbox);
    } finally {
      inbox.release();
    }
  }
}

/** Binding to a channel cannot work through somebody in between: that is what it is for. */
function withoutBinding(mechanisms: Buffer): Buffer {
  const names = mechanisms
    .toString()
    .split('\0')
    .filter((name) => name && !name.endsWith('-PLUS'));
  return Buffer.concat([...names.map(cString), Buffer.from([0])]);
}

/** Tells the client that it is in, and what its session is like. */
export function greeting({ parameters, notices }: Backend, key: Buffer): Buffer {
  return Buffer.concat([
    authenticationMessage(authentication.ok),
    ...[...parameters].map(([name, value]) => parameterStatus(name, value)),
    message(from.keyData, key),
    ...notices,
    readyForQuery(transactionStatus.idle),
  ]);
}

/** Tells the client what is different now. */
export function changesSince(
  before: ReadonlyMap<string, string>,
  { parameters, notices }: Backend,
): Buffer {
  const changed = [...parameters].filter(([name, value]) => before.get(name) !== value);
  return Buffer.concat([
    ...changed.map(([name, value]) => parameterStatus(name, value)),
    ...notices,
  ]);
}
