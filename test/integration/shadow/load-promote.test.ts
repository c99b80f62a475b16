import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { promoteShadow } from '../../../src/features/shadow/promote.js';
import { undoPromote } from '../../../src/features/shadow/undo-promote.js';
import { type Bank, createBank } from '../../support/load-scene.js';
import { lossesOf, startLoad } from '../../support/load-writers.js';
import { testServers } from '../../support/servers.js';
import { rowsOf, withTarget } from '../../support/targets.js';

describe.each(testServers())('a promote while others write on $name', (server) => {
  let bank: Bank;
  afterEach(() => bank.drop());

  it.each(['scan', 'logical'] as const)(
    'loses nothing, and doubles nothing (%s)',
    async (method) => {
      bank = await createBank(server, method);
      const load = startLoad(bank.url, { clients: 6 });
      try {
        await load.more(200);
        const result = await withTarget(bank.url, (target) =>
          promoteShadow(target, { cwd: tmpdir() }),
        );
        await load.more(200);
        await load.stop();
        expect(await lossesOf(bank.url, load)).toEqual([]);
        expect(result).toMatchObject({ verified: true, database: bank.name });
        // The old database has what was acknowledged until then, and nothing of what came later.
        expect(result.previous.rows).toBeLessThan(await totalRows(bank.url));
      } finally {
        await load.stop();
      }
    },
  );

  it('is taken back under load as well', async () => {
    bank = await createBank(server, 'scan');
    await withTarget(bank.url, (target) => promoteShadow(target, { cwd: tmpdir() }));
    const load = startLoad(bank.url);
    try {
      await load.more(100);
      const undone = await withTarget(bank.url, (target) => undoPromote(target, { cwd: tmpdir() }));
      await load.more(20);
      const { rowCounts = {} } = undone.previous?.fingerprint ?? {};
      const [{ count }] = await rowsOf(bank.url, 'SELECT count(*)::int FROM history');
      await load.stop();
      // What was written to the promoted database stays in what is kept of it.
      expect((rowCounts['public.history'] ?? 0) + count).toBeGreaterThanOrEqual(100);
      if (server.major >= 15) {
        expect(undone.writtenSince).toMatchObject({
          inserted: 2 * (rowCounts['public.history'] ?? 0),
          deleted: 0,
        });
      }
    } finally {
      await load.stop();
    }
  });
});

async function totalRows(url: string): Promise<number> {
  const [{ rows }] = await rowsOf(
    url,
    `SELECT ((SELECT count(*) FROM accounts) + (SELECT count(*) FROM history) + (SELECT count(*) FROM numbers))::int AS rows`,
  );
  return rows;
}
