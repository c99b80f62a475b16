import { expect, it } from 'vitest';
import type { HistoryEntry } from '../../../src/domain/history.js';
import { versionChecksum } from '../../../src/domain/schema-model.js';
import type { SchemaHistory } from '../../../src/features/history/schema-history.js';
import { failure } from '../../support/failure.js';
import { sampleEntry, sampleModel } from '../../support/sample-history.js';

/** A history of a test's own, empty, and what is done to it behind Belay's back. */
export interface HistorySubject {
  /** Opens it, as another run would. */
  open(): Promise<SchemaHistory>;
  /** Changes the entry's document, leaving its hash. */
  edit(number: number, change: (entry: HistoryEntry) => object): Promise<void>;
  remove(number: number): Promise<void>;
  putModel(checksum: string, bytes: Uint8Array): Promise<void>;
  readModel(checksum: string): Promise<Uint8Array>;
}

/** Entries 1, 2 and 3: versions 1 to 3, each with its schema. */
async function fill(history: SchemaHistory): Promise<HistoryEntry[]> {
  const written: HistoryEntry[] = [];
  for (const applied of [['1'], ['1', '2'], ['1', '2', '3']]) {
    written.push(await history.append(sampleEntry(applied), sampleModel(...applied)));
  }
  return written;
}

const checksumOf = (...tables: string[]): string => versionChecksum(sampleModel(...tables));

/** What every history keeps to, wherever it lies. */
export function historyContract(
  withHistory: (work: (subject: HistorySubject) => Promise<void>) => Promise<void>,
): void {
  it('is empty before the first entry', () =>
    withHistory(async ({ open }) => {
      const history = await open();
      expect(await history.read()).toEqual([]);
      expect(await history.keptModels()).toEqual(new Set());
      expect(await history.prune(1)).toEqual([]);
      await failure(history.readModel(checksumOf('1')), 'MODEL_NOT_KEPT');
    }));

  it('gives back what was appended, numbered, timed and signed', () =>
    withHistory(async ({ open }) => {
      const script = { file: 'migrations/1_é/up.sql', line: 3, sql: `SELECT 'ü \\ 😀';\n` };
      const first = sampleEntry(['1'], {
        ...{ name: 'naïve "quoted" 名', up: { ...script, inTransaction: false } },
        renames: [{ object: 'column', from: 'public.t.a', to: 'public.t.b' }],
        git: { branch: 'feature/ä', commit: 'a'.repeat(40), dirty: true },
        ...{ durationMs: 12.5, snapshotId: 'k3v9x2m7qa4t', fileChecksum: 'f'.repeat(64) },
      });
      const written = await (await open()).append(first, sampleModel('1'));
      const second = await (await open()).append(sampleEntry(['1', '2'], { from: '1' }), null);
      const read = await (await open()).read();
      expect(read).toEqual([written, second]);
      expect(read).toMatchObject([
        { ...first, number: 1 },
        { number: 2, version: '2', from: '1' },
      ]);
      expect(read[0]?.actor).toEqual({
        role: expect.stringMatching(/./),
        ...{ user: expect.stringMatching(/./), host: expect.stringMatching(/./) },
      });
      expect(read[0]?.hash).toMatch(/^[0-9a-f]{64}$/);
      const [before = '', after = ''] = read.map(({ at }) => at);
      expect(Date.parse(before)).not.toBeNaN();
      expect(before <= after).toBe(true);
    }));

  it('keeps each schema once, and none that it was not given', () =>
    withHistory(async ({ open }) => {
      const history = await open();
      await fill(history);
      await history.append(sampleEntry(['1', '2'], { action: 'down' }), sampleModel('1', '2'));
      await history.append(sampleEntry(['1', '2', '4']), null);
      expect([...(await history.keptModels())].sort()).toEqual(
        [checksumOf('1'), checksumOf('1', '2'), checksumOf('1', '2', '3')].sort(),
      );
      expect(await history.readModel(checksumOf('1', '2'))).toEqual(sampleModel('1', '2'));
      const missing = history.readModel(checksumOf('1', '2', '4'));
      const { hint } = await failure(missing, 'MODEL_NOT_KEPT');
      expect(hint).toContain('belay schema list');
    }));

  it('refuses an entry that names another schema than it brings', () =>
    withHistory(async ({ open }) => {
      const history = await open();
      const wrong = async () => history.append(sampleEntry(['1']), sampleModel('2'));
      await failure(wrong(), 'BUG');
      expect(await history.read()).toEqual([]);
    }));

  it('names the entry that was changed', () =>
    withHistory(async ({ open, edit }) => {
      await fill(await open());
      await edit(2, (entry) => ({ ...entry, git: { branch: 'x', commit: 'b', dirty: false } }));
      const { message, details } = await failure((await open()).read(), 'HISTORY_DAMAGED');
      expect(details).toEqual({ number: 2 });
      expect(message).toMatch(/^entry 2 of the history in .* was changed/);
    }));

  it.each([1, 2])('names entry %i that was removed', (number) =>
    withHistory(async ({ open, remove }) => {
      await fill(await open());
      await remove(number);
      const { message } = await failure((await open()).read(), 'HISTORY_DAMAGED');
      expect(message).toContain(`entry ${number} of the history`);
    }),
  );

  it('reads no entry of a newer Belay', () =>
    withHistory(async ({ open, edit }) => {
      await fill(await open());
      await edit(3, (entry) => ({ ...entry, belay: 2, somethingNew: true }));
      const { message } = await failure((await open()).read(), 'NEWER_FORMAT');
      expect(message).toContain('entry 3');
    }));

  it('takes no schema whose bytes were changed', () =>
    withHistory(async ({ open, putModel, readModel }) => {
      await fill(await open());
      const history = await open();
      const [one, two, three] = [checksumOf('1'), checksumOf('1', '2'), checksumOf('1', '2', '3')];
      await putModel(one, await readModel(two));
      await putModel(two, Buffer.from('no gzip'));
      const whole = await readModel(three);
      await putModel(three, whole.subarray(0, whole.length - 12));
      for (const checksum of [one, two, three]) {
        const { message } = await failure(history.readModel(checksum), 'HISTORY_DAMAGED');
        expect(message).toContain(checksum.slice(0, 8));
      }
    }));

  it('prunes the schemas that only older versions name; entries stay', () =>
    withHistory(async ({ open }) => {
      const history = await open();
      await fill(history);
      // Back to 2, and once more to 3: the last two versions are 3 and 2, the third is 1.
      await history.append(sampleEntry(['1', '2'], { action: 'down' }), sampleModel('1', '2'));
      await history.append(sampleEntry(['1', '2', '3']), sampleModel('1', '2', '3'));
      expect(await history.prune(3)).toEqual([]);
      expect(await history.prune(2)).toEqual([checksumOf('1')]);
      expect(await history.keptModels()).toEqual(
        new Set([checksumOf('1', '2'), checksumOf('1', '2', '3')]),
      );
      expect((await history.read()).length).toBe(5);
      expect(await history.prune(1)).toEqual([checksumOf('1', '2')]);
      await failure(history.prune(0), 'USAGE');
      expect(await history.readModel(checksumOf('1', '2', '3'))).toEqual(
        sampleModel('1', '2', '3'),
      );
    }));

  it('gives each of several writers a number of its own, or refuses', () =>
    withHistory(async ({ open }) => {
      const writers = await Promise.all([1, 2, 3, 4].map(() => open()));
      const results = await Promise.allSettled(
        writers.map((history, index) =>
          history.append(sampleEntry([`${index}`]), sampleModel(`${index}`)),
        ),
      );
      const written = results.flatMap((one) =>
        one.status === 'fulfilled' ? one.value.number : [],
      );
      const refused = results.flatMap((one) => (one.status === 'rejected' ? one.reason.code : []));
      expect(written.length).toBeGreaterThan(0);
      expect(new Set(written).size).toBe(written.length);
      expect(new Set(refused)).toEqual(new Set(refused.length > 0 ? ['LOCKED'] : []));
      const read = await (await open()).read();
      expect(read.map(({ number }) => number).sort()).toEqual(written.sort());
    }));
}
