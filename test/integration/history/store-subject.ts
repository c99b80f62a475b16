import { historyKey, modelKey } from '../../../src/domain/history-keys.js';
import { openStoreHistory } from '../../../src/features/history/store-history.js';
import type { Store } from '../../../src/store/store.js';
import type { HistorySubject } from './contract.js';

const place = { database: 'shop', cluster: '7301' };

/** A history in a store. @param another opens the same store again */
export function storeSubject(store: Store, another: () => Promise<Store>): HistorySubject {
  const read = async (key: string) => (await store.read(key)) ?? Buffer.alloc(0);
  return {
    open: async () => openStoreHistory(await another(), place, { role: 'ann' }),
    edit: async (number, change) => {
      const key = historyKey(place, number);
      const { entry, ...rest } = JSON.parse(Buffer.from(await read(key)).toString());
      const edited = JSON.stringify({ entry: { ...entry, ...change(entry) }, ...rest });
      await store.write(key, Buffer.from(edited));
    },
    remove: (number) => store.delete(historyKey(place, number)),
    putModel: (checksum, bytes) => store.write(modelKey(place, checksum), bytes),
    readModel: (checksum) => read(modelKey(place, checksum)),
  };
}
