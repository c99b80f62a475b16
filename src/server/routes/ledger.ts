import { z } from 'zod';
import type { Inventory } from '../../contract/inventory.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { pageQuery } from '../http/read-input.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { ledgerPageSchema, ledgerVerificationSchema } from '../resources/ledger.js';

const tag = 'Ledger';
const defaultLimit = 50;
/** So many entries an inventory holds at most: where it has fewer, it has all. */
const inventoryEntries = 500;

interface Page {
  readonly entries: Inventory['ledger'];
  readonly next: string | null;
}

/** The record of everything that was done: `belay ledger`. */
export function addLedgerRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/ledger', scope: 'read', database: 'query', tag },
      summary: 'What was done to a database, and who did it',
      query: z.strictObject({
        ...{ database: databaseNameSchema, limit: pageQuery.limit },
        cursor: z
          .string()
          .regex(/^[1-9]\d{0,11}$/)
          .optional()
          .meta({ description: '`next` of the page before' }),
      }),
      answers: { 200: { description: 'Newest first', schema: ledgerPageSchema } },
      beginsJob: true,
    },
    async (request) => {
      const { database, limit = defaultLimit, cursor } = request.query;
      const before = cursor === undefined ? undefined : Number(cursor);
      const inventory = await request.services.inventories.read(database);
      const page = pageOfInventory(inventory.ledger, before, limit);
      if (page) return request.c.json({ ...page, at: inventory.at, problem: inventory.problem });
      // Further back than what is at hand.
      return runAsJob(request, { database, type: 'ledger', input: { before, limit } }, textNext);
    },
  );
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/ledger/verify', scope: 'read', database: 'body', tag },
      summary: 'Prove that the ledger is whole',
      description: 'Reads every entry, and compares the archives’ manifests with them.',
      body: z.strictObject({ database: databaseNameSchema }),
      answers: { 200: { description: 'Whole or not', schema: ledgerVerificationSchema } },
      beginsJob: true,
    },
    (request) =>
      runAsJob(request, { database: request.body.database, type: 'ledger-verify', input: {} }),
  );
}

/** Undefined: it reaches further back than the inventory. */
function pageOfInventory(
  ledger: Inventory['ledger'],
  before: number | undefined,
  limit: number,
): Page | undefined {
  const older = before === undefined ? ledger : ledger.filter(({ number }) => number < before);
  const isAll = ledger.length < inventoryEntries;
  if (older.length <= limit && !isAll) return undefined;
  const entries = older.slice(0, limit);
  const last = entries.at(-1);
  return { entries, next: last && older.length > limit ? String(last.number) : null };
}

const textNext = (page: { readonly entries: unknown; readonly next: number | null }) => ({
  ...page,
  next: page.next === null ? null : String(page.next),
});
