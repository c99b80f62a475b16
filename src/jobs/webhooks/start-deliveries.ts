import { Bell } from './bell.js';
import {
  cleanDeliveries,
  deliverNext,
  type Patience,
  untilNextMs,
  usualPatience,
} from './deliver-next.js';
import type { WebhooksOptions } from './open-webhooks.js';
import { collectEnds } from './outbox.js';

export interface DeliveriesOptions extends WebhooksOptions {
  /** A failure that is nobody's in particular, e.g. the catalog is away. It is tried again. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** How long and how often what was not taken is tried again; default: a day, in ever longer pauses. */
  readonly patience?: Patience | undefined;
}

export interface Deliveries {
  /** Sends no more, and lets what is under way end. */
  close(): Promise<void>;
}

/** How many are sent at once by one server. */
const senders = 4;
/** Also without a notice: one may be lost, and other servers' announcements come without. */
const longestPauseMs = 5_000;
/** What is due may have to wait for a message that is on its way to the same webhook. */
const shortestPauseMs = 250;
const pauseAfterErrorMs = 2_000;
const cleanedEveryMs = 3_600_000;

/**
 * Tells webhooks what has happened. Any number of servers may do so: each message is sent by one of them at a time.
 *
 * @example
 * const deliveries = startDeliveries({ catalog, secrets, addresses, onError: (error) => logger.warn({ error }) });
 */
export function startDeliveries(options: DeliveriesOptions): Deliveries {
  const { catalog, onError = () => {}, patience = usualPatience } = options;
  const ends = new Bell();
  const messages = new Bell();
  const state = { isOver: false };
  const onNews = () => ends.ring();
  const listening = catalog.listen('belay_job', onNews, onNews);
  // Without notices it looks by itself, every few seconds.
  listening.catch(onError);

  const collect = async () => {
    const count = await collectEnds(catalog);
    if (count > 0) messages.ring();
    return count > 0 ? 0 : longestPauseMs;
  };
  const send = async () => {
    if (await deliverNext(options, patience)) return 0;
    const nextMs = await untilNextMs(catalog);
    return Math.min(longestPauseMs, Math.max(shortestPauseMs, nextMs ?? longestPauseMs));
  };
  const loops = [
    repeat(state, ends, collect, onError),
    ...Array.from({ length: senders }, () => repeat(state, messages, send, onError)),
  ];
  const cleaning = setInterval(() => cleanDeliveries(catalog).catch(onError), cleanedEveryMs);
  return {
    close: async () => {
      clearInterval(cleaning);
      state.isOver = true;
      ends.ring();
      messages.ring();
      await Promise.all(loops);
      const stop = await listening.catch(() => undefined);
      await stop?.();
    },
  };
}

/** @param work gives how long to pause unless the bell rings, in milliseconds; 0: there may be more at once */
async function repeat(
  state: { readonly isOver: boolean },
  bell: Bell,
  work: () => Promise<number>,
  onError: (error: unknown) => void,
): Promise<void> {
  while (!state.isOver) {
    const seen = bell.rung;
    const pauseMs = await work().catch((error: unknown) => {
      onError(error);
      return pauseAfterErrorMs;
    });
    if (pauseMs > 0 && !state.isOver) await bell.wait(seen, pauseMs);
  }
}
