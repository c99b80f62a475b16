import type { WebhooksOptions } from './open-webhooks.js';

export interface DeliveriesOptions extends WebhooksOptions {
  /** A failure that is nobody's in particular, e.g. the catalog is away. It is tried again. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface Deliveries {
  /** Sends no more, and lets what is under way end. */
  close(): Promise<void>;
}

/** Tells webhooks what has happened. Any number of servers may do so: each message is sent by one of them at a time. */
export declare function startDeliveries(options: DeliveriesOptions): Deliveries;
