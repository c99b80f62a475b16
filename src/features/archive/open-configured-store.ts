import { findStoreLocation, type StoreLocationInput } from '../../config/store-location.js';
import { openStore } from '../../store/open-store.js';
import type { Store } from '../../store/store.js';

/**
 * Opens the store that a target of this project would use: `store`, else BELAY_STORE, else the config's, else a folder
 * among the user's data. The caller closes it.
 *
 * @example
 * const store = await openConfiguredStore({ store: 's3://backups/shop' });
 */
export async function openConfiguredStore(input: StoreLocationInput = {}): Promise<Store> {
  return openStore(await findStoreLocation(input), { env: input.env });
}
