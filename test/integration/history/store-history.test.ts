import { describe, expect, it } from 'vitest';
import { openStoreHistory } from '../../../src/features/history/store-history.js';
import { FolderStore } from '../../../src/store/folder-store.js';
import { sampleEntry, sampleModel } from '../../support/sample-history.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { historyContract } from './contract.js';
import { storeSubject } from './store-subject.js';

describe('a history in a folder', () => {
  historyContract(async (work) => {
    const folder = makeTempFolder();
    await work(storeSubject(new FolderStore(folder), async () => new FolderStore(folder)));
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
