import { setTimeout as sleep } from 'node:timers/promises';
import type { BelayError } from '../../errors.js';
import { cut } from '../../postgres/pool.js';
import { Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import type { CatalogChannel } from './catalog.js';
import { catalogError } from './catalog-errors.js';

interface Subscriber {
  readonly onMessage: (payload: string) => void;
  readonly onGap: () => void;
}

export interface ListenerOptions {
  readonly settings: () => ConnectionSettings;
  /** Of the catalog, for errors. */
  readonly place: string;
  readonly revive?: ((error: BelayError) => Promise<boolean>) | undefined;
}

const applicationName = 'belay serve: listening';
const firstDelayMs = 100;
const longestDelayMs = 5_000;
/** A connection that only listens hears nothing of its own death where packets are dropped. */
const pulseMs = 20_000;
const pulseTimeoutMs = 10_000;

/** One connection for all who listen, made when the first one comes and made again for as long as there is any. */
export class CatalogListener {
  readonly #options: ListenerOptions;
  readonly #subscribers = new Map<CatalogChannel, Set<Subscriber>>();
  readonly #closed = new AbortController();
  #session: Session | undefined;
  #starting: Promise<void> | undefined;
  #reconnecting: Promise<void> | undefined;
  #pulse: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * @returns ends it; resolves when the channel is listened to
   * @throws BelayError CATALOG_UNAVAILABLE where the first connection cannot be made
   */
  async add(channel: CatalogChannel, subscriber: Subscriber): Promise<() => Promise<void>> {
    const subscribers = this.#subscribers.get(channel) ?? new Set();
    this.#subscribers.set(channel, subscribers.add(subscriber));
    const remove = async () => {
      subscribers.delete(subscriber);
    };
    try {
      await this.#start();
      // The session that starts listens to what was there when it began to; this may have come since.
      const session = this.#session;
      if (session) await this.#inTurn(() => listenTo(session, channel));
    } catch (error) {
      if (!this.#reconnecting) {
        await remove();
        throw catalogError(error, this.#options.place);
      }
    }
    return remove;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#subscribers.clear();
    clearInterval(this.#pulse);
    const session = this.#session;
    this.#session = undefined;
    await this.#starting?.catch(() => {});
    await session?.close();
  }

  async #start(): Promise<void> {
    if (this.#session || this.#reconnecting) return;
    this.#starting ??= this.#connect().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  async #connect(): Promise<void> {
    const session = await this.#open();
    if (this.#closed.signal.aborted) return session.close();
    session.client.on('notification', ({ channel, payload }) => {
      for (const { onMessage } of this.#subscribers.get(channel as CatalogChannel) ?? [])
        onMessage(payload ?? '');
    });
    // Before anything is asked, so that no end goes unheard.
    const onEnd = () => this.#lost(session);
    session.client.once('end', onEnd);
    try {
      for (const channel of this.#subscribers.keys()) await listenTo(session, channel);
    } catch (error) {
      await session.close();
      throw error;
    }
    if (this.#closed.signal.aborted) return session.close();
    this.#session = session;
    this.#startPulse(session);
    await this.#inTurn(() => session.query('SELECT 1')).catch(onEnd);
  }

  async #open(): Promise<Session> {
    const { settings, revive } = this.#options;
    try {
      return await Session.open(settings(), { applicationName });
    } catch (error) {
      if (!revive || !(await revive(error as BelayError))) throw error;
      return Session.open(settings(), { applicationName });
    }
  }

  #startPulse(session: Session): void {
    clearInterval(this.#pulse);
    this.#pulse = setInterval(() => {
      const timer = setTimeout(() => cut(session), pulseTimeoutMs);
      void this.#inTurn(() => session.query('SELECT 1'))
        .catch(() => {})
        .finally(() => clearTimeout(timer));
    }, pulseMs);
    this.#pulse.unref();
  }

  /** A connection takes one statement at a time. */
  #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const answer = this.#turn.then(ask);
    this.#turn = answer.catch(() => {});
    return answer;
  }

  #lost(session: Session): void {
    if (this.#session !== session || this.#closed.signal.aborted) return;
    this.#session = undefined;
    clearInterval(this.#pulse);
    this.#reconnecting ??= this.#reconnect().finally(() => {
      this.#reconnecting = undefined;
    });
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closed;
    for (
      let delayMs = firstDelayMs;
      !signal.aborted;
      delayMs = Math.min(delayMs * 2, longestDelayMs)
    ) {
      await sleep(delayMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#connect();
        if (this.#session) return this.#tellOfGap();
      } catch {
        // Still away: the next attempt comes later.
      }
    }
  }

  #tellOfGap(): void {
    for (const subscribers of this.#subscribers.values()) {
      for (const { onGap } of subscribers) onGap();
    }
  }
}

function listenTo(session: Session, channel: CatalogChannel): Promise<void> {
  return session.execute(`LISTEN ${channel}`, `listening to ${channel}`);
}
