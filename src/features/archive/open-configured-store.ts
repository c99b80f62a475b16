import { findStoreLocation, type StoreLocationInput } from '../../config/store-location.js';
import { openStore } from '../../store/open-store.js';
import type { Store } from '../../store/store.js';

/**
 * Opens the store that `--store`, BELAY_STORE, the config or the default means. The caller closes it.
 * @throws BelayError BAD_CONFIG, and as `openStore`
 */
export async function openConfiguredStore(input: StoreLocationInput = {}): Promise<Store> {
  return openStore(await findStoreLocation(input), { env: input.env });
}
