import type { Addresses } from '../addresses/addresses.js';
import type { Catalog } from '../catalog/catalog.js';
import type { Secrets } from '../secrets/secrets.js';
import type { Webhooks } from './webhooks.js';

export interface WebhooksOptions {
  readonly catalog: Catalog;
  readonly secrets: Secrets;
  readonly addresses: Addresses;
}

/** Webhooks as they are kept in the catalog; `startDeliveries` is what sends. */
export declare function openWebhooks(options: WebhooksOptions): Webhooks;
