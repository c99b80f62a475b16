import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { BelayError } from '../errors.js';
import type {
  ConnectionSettings,
  TargetSessionAttributes,
} from '../postgres/connection-settings.js';
import { describeServer } from '../postgres/connection-url.js';
import { isHandshakeFailure, transportsFor } from '../postgres/tls.js';
import { Backend } from './backend.js';
import { type BackendAddress, openBackendSocket } from './backend-socket.js';
import { BackendError } from './error-response.js';
import { ConnectionEnded, type Message, MessageInbox } from './message-inbox.js';
import {
  authentication,
  cString,
  backend as from,
  frontend,
  message,
  readCString,
  startupPacket,
} from './protocol.js';
import { ScramClient, scramMechanism } from './scram.js';

/** Longest message that a server sends before its session begins. */
const maxLoginBytes = 1024 * 1024;

/** Answers what the server asks while somebody logs in. */
export interface Authenticator {
  /**
   * @param kind of the request, from `authentication`
   * @returns what to send; undefined: nothing
   */
  answer(kind: number, body: Buffer): Promise<Buffer | undefined>;
}

/** Opens a session on the first server that will have it, by libpq's rules for hosts and sslmode. */
export async function openBackend(
  settings: ConnectionSettings,
  parameters: ReadonlyMap<string, string>,
  authenticator: () => Authenticator = () => new OwnLogin(settings),
): Promise<Backend> {
  let failure: unknown;
  for (const host of settings.hosts) {
    const transports = await transportsFor(settings, host);
    for (const transport of transports) {
      try {
        const opened = await logIn({ settings, host, transport }, parameters, authenticator());
        if (isWanted(opened.parameters, settings.targetSessionAttributes)) return opened;
        opened.end();
        failure = wrongKind(settings);
        break;
      } catch (error) {
        failure ??= error;
        if (!mayBeTransport(error)) {
          failure = error;
          break;
        }
      }
    }
    if (!mayTryNextHost(failure)) throw failure;
  }
  throw failure;
}

function mayBeTransport(error: unknown): boolean {
  if (error instanceof BackendError) return error.sqlState === '28000';
  return isHandshakeFailure(error) || error instanceof BelayError;
}

/** As libpq: the next host is for one that is down, starting or the wrong kind, not for a refusal. */
function mayTryNextHost(error: unknown): boolean {
  if (error instanceof BackendError) return error.sqlState === '57P03';
  if (error instanceof BelayError) return error.code === 'READ_ONLY_SERVER';
  return true;
}

/** Servers from version 14 tell by themselves what kind they are. */
function isWanted(
  parameters: ReadonlyMap<string, string>,
  wanted: TargetSessionAttributes | undefined,
): boolean {
  const standby = parameters.get('in_hot_standby') === 'on';
  const readOnly = standby || parameters.get('default_transaction_read_only') === 'on';
  if (wanted === 'read-write') return !readOnly;
  if (wanted === 'read-only') return readOnly;
  if (wanted === 'primary') return !standby;
  return wanted === undefined || standby;
}

function wrongKind(settings: ConnectionSettings): BelayError {
  const wanted = settings.targetSessionAttributes;
  return new BelayError(
    'READ_ONLY_SERVER',
    `the server ${describeServer(settings)} is not ${wanted}`,
    {
      hint: 'target_session_attrs asks for that kind: add the host of one that is.',
    },
  );
}

async function logIn(
  address: BackendAddress,
  parameters: ReadonlyMap<string, string>,
  authenticator: Authenticator,
): Promise<Backend> {
  const socket = await openBackendSocket(address);
  const inbox = new MessageInbox(socket, maxLoginBytes);
  const timer = startTimer(socket, address.settings.connectTimeoutMs);
  try {
    socket.write(startupPacket(parameters));
    await authenticate(inbox, socket, authenticator);
    clearTimeout(timer);
    return await readSession(inbox, socket, address);
  } catch (error) {
    inbox.release();
    socket.destroy();
    throw error instanceof ConnectionEnded ? closedAtLogin(address) : error;
  } finally {
    clearTimeout(timer);
  }
}

function startTimer(socket: Socket, timeoutMs: number): NodeJS.Timeout | undefined {
  if (timeoutMs <= 0) return undefined;
  // Generous: a database that is being renamed lets logins wait for it.
  return setTimeout(() => socket.destroy(), timeoutMs * 3);
}

function closedAtLogin({ settings, host }: BackendAddress): BelayError {
  const server = describeServer({ ...settings, hosts: [host] });
  return new BelayError('SERVER_GONE', `the server ${server} closed the connection at login`, {
    hint: 'Its log says why; is it stopping, or is that no PostgreSQL?',
  });
}

async function authenticate(
  inbox: MessageInbox,
  socket: Socket,
  authenticator: Authenticator,
): Promise<void> {
  for (;;) {
    const { type, body } = await inbox.next();
    if (type === from.error) throw new BackendError(body);
    if (type === from.notice || type === from.negotiateVersion) continue;
    if (type !== from.authentication || body.length < 4) {
      throw new ConnectionEnded(`message ${type} instead of a login`);
    }
    const kind = body.readInt32BE(0);
    if (kind === authentication.ok) return;
    const answer = await authenticator.answer(kind, body.subarray(4));
    if (answer) socket.write(message(frontend.password, answer));
  }
}

async function readSession(
  inbox: MessageInbox,
  socket: Socket,
  address: BackendAddress,
): Promise<Backend> {
  const parameters = new Map<string, string>();
  const notices: Buffer[] = [];
  let key: Buffer = Buffer.alloc(8);
  for (;;) {
    const next: Message = await inbox.next();
    if (next.type === from.error) throw new BackendError(next.body);
    if (next.type === from.ready) break;
    if (next.type === from.keyData) key = Buffer.from(next.body);
    else if (next.type === from.notice) notices.push(message(next.type, next.body));
    else if (next.type === from.parameterStatus) {
      const name = readCString(next.body, 0);
      const value = name && readCString(next.body, name.next);
      if (value) parameters.set(name.text, value.text);
    }
  }
  inbox.release();
  return new Backend({ socket, address, parameters, key, notices });
}

/** Logs in with the user and the password of the settings. */
class OwnLogin implements Authenticator {
  readonly #settings: ConnectionSettings;
  #scram: ScramClient | undefined;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
  }

  async answer(kind: number, body: Buffer): Promise<Buffer | undefined> {
    switch (kind) {
      case authentication.cleartext:
        return cString(this.#password());
      case authentication.md5:
        return cString(md5Answer(this.#settings.user, this.#password(), body));
      case authentication.sasl:
        return this.#startScram(body);
      case authentication.saslContinue:
        return this.#continueScram(body.toString());
      case authentication.saslFinal:
        if (!this.#scram?.isServer(body.toString())) throw this.#refused('is not who it has to be');
        return undefined;
      default:
        throw this.#refused(`asks for a kind of login that Belay does not know (${kind})`);
    }
  }

  #startScram(body: Buffer): Buffer {
    const mechanisms = body.toString('utf8').split('\0');
    if (!mechanisms.includes(scramMechanism)) {
      throw this.#refused(`offers only ${mechanisms.filter(Boolean).join(', ')}`);
    }
    this.#scram = new ScramClient(this.#password());
    return saslInitial(this.#scram.first());
  }

  async #continueScram(text: string): Promise<Buffer> {
    const answer = await this.#scram?.final(text);
    if (answer === undefined) throw this.#refused('sent a challenge that is none');
    return Buffer.from(answer);
  }

  #password(): string {
    const { password, user } = this.#settings;
    if (password !== undefined) return password;
    throw new BelayError('AUTHENTICATION_FAILED', `the server wants a password for "${user}"`, {
      hint: 'Put it into the URL, PGPASSWORD or the passfile (~/.pgpass, readable by you alone), and start the gateway again.',
    });
  }

  #refused(what: string): BelayError {
    const server = describeServer(this.#settings);
    return new BelayError('AUTHENTICATION_FAILED', `the server ${server} ${what}`, {
      hint: 'Check the URL and pg_hba.conf of the server.',
    });
  }
}

function saslInitial(first: string): Buffer {
  const text = Buffer.from(first);
  const length = Buffer.allocUnsafe(4);
  length.writeInt32BE(text.length);
  return Buffer.concat([cString(scramMechanism), length, text]);
}

function md5Answer(user: string, password: string, salt: Buffer): string {
  const md5 = (...parts: (string | Buffer)[]) => {
    const hash = createHash('md5');
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  };
  return `md5${md5(md5(password, user), salt.subarray(0, 4))}`;
}
