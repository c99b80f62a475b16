import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { historyKey, modelKey } from '../../../src/domain/history-keys.js';
import { openStoreHistory } from '../../../src/features/history/store-history.js';
import { FolderStore } from '../../../src/store/folder-store.js';
import { sampleEntry, sampleModel } from '../../support/sample-history.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { historyContract } from './contract.js';

const place = { database: 'shop', cluster: '7301' };

describe('a history in the store', () => {
  historyContract(async (work) => {
    const folder = makeTempFolder();
    const entryFile = (number: number) => join(folder, historyKey(place, number));
    const modelFile = (checksum: string) => join(folder, modelKey(place, checksum));
    await work({
      open: async () => openStoreHistory(new FolderStore(folder), place, { role: 'ann' }),
      edit: async (number, change) => {
        const { entry, ...rest } = JSON.parse(await readFile(entryFile(number), 'utf8'));
        await writeFile(
          entryFile(number),
          JSON.stringify({ entry: { ...entry, ...change(entry) }, ...rest }),
        );
      },
      remove: (number) => rm(entryFile(number)),
      putModel: (checksum, bytes) => writeFile(modelFile(checksum), bytes),
      readModel: (checksum) => readFile(modelFile(checksum)),
    });
  });

  it('is each database’s own, and each server’s', async () => {
    const store = new FolderStore(makeTempFolder());
    const open = (database: string, cluster: string) =>
      openStoreHistory(store, { database, cluster }, { role: 'ann' });
    await open('shop', '1').append(sampleEntry(['1']), sampleModel('1'));
    expect(await open('shop', '1').read()).toHaveLength(1);
    expect(await open('shop', '2').read()).toEqual([]);
    expect(await open('history', '1').read()).toEqual([]);
  });
});
