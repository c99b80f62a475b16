import { describe, expect, it } from 'vitest';
import { boundEvents, boundOutcome, withoutSamples } from '../../../src/agent/bounded-reports.js';
import { fitInventory } from '../../../src/agent/look-sender.js';
import { checkServerUrl } from '../../../src/agent/server-url.js';
import { mostAgentBytes, toStorableJson } from '../../../src/contract/agent.js';
import type { Inventory } from '../../../src/contract/inventory.js';
import type { Snapshot } from '../../../src/domain/snapshot.js';

describe('what an agent sends', () => {
  it('has no states, and no endless texts', () => {
    const events = boundEvents([
      { type: 'state', state: 'running', worker: null },
      { type: 'note', message: 'x'.repeat(5_000) },
      { type: 'step', name: 'dump', detail: 'shop' },
    ]);
    expect(events).toMatchObject([
      { type: 'note' },
      { type: 'step', name: 'dump', detail: 'shop' },
    ]);
    expect(JSON.stringify(events).length).toBeLessThan(2_000);
  });

  it('is small enough to be taken, and names what it left out', () => {
    const result = { ok: true, statements: Array.from({ length: 90_000 }, (_, n) => `line ${n}`) };
    const outcome = boundOutcome({ state: 'succeeded', result }, { showRows: true });
    expect(JSON.stringify(outcome).length).toBeLessThan(mostAgentBytes);
    expect(outcome).toMatchObject({ result: { ok: true, leftOut: ['statements: 500 of 90000'] } });
  });

  it('shows rows only where it was told to', () => {
    const result = { data: [{ table: 'a.b', added: 1, samples: [{ key: { id: '1' } }] }] };
    const hidden = { data: [{ table: 'a.b', added: 1, samples: [] }] };
    expect(withoutSamples(result)).toEqual(hidden);
    const outcome = { state: 'succeeded', result } as const;
    expect(boundOutcome(outcome, { showRows: false })).toMatchObject({ result: hidden });
    expect(boundOutcome(outcome, { showRows: true })).toMatchObject({ result });
    // How often something was looked at is no row.
    expect(withoutSamples({ samples: 12 })).toEqual({ samples: 12 });
  });

  it('can be kept by PostgreSQL', () => {
    const json = toStorableJson({ a: 'x\0y', b: '\ud800', c: 'a 🧗 b' });
    expect(JSON.parse(json)).toEqual({ a: 'x\ufffdy', b: '\ufffd', c: 'a 🧗 b' });
  });
});

describe('fitInventory', () => {
  const rowCounts = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`public.t${n}`, n]));
  const fingerprint = { schemaChecksum: 'c', tables: 200, rows: 1, rowCounts, sequences: {} };
  const snapshot = (n: number) =>
    ({ id: `s${n}`, tag: `tag-${n}`, fingerprint }) as unknown as Snapshot;
  const inventory = {
    ...{ database: 'shop', ledger: [], versions: [], branches: [] },
    snapshots: Array.from({ length: 400 }, (_, n) => snapshot(n)),
  } as unknown as Inventory;

  it('leaves what fits as it is', () => {
    expect(fitInventory(inventory, 10_000_000)).toBe(inventory);
  });

  it('first gives up the rows of each table of old snapshots', () => {
    const { snapshots } = fitInventory(inventory, 300_000);
    expect(snapshots).toHaveLength(400);
    expect(snapshots[0]?.fingerprint?.rowCounts).toEqual(rowCounts);
    expect(snapshots[399]?.fingerprint).toMatchObject({ rowCounts: {}, tables: 200 });
  });

  it('then the oldest', () => {
    const { snapshots } = fitInventory(inventory, 60_000);
    expect(snapshots.length).toBeGreaterThan(0);
    expect(snapshots.length).toBeLessThan(400);
    expect(snapshots[0]?.tag).toBe('tag-0');
  });
});

describe('checkServerUrl', () => {
  it.each([
    ['https://belay.example.com', false],
    ['http://localhost:8432', false],
    ['http://127.0.0.1:8432', false],
    ['http://[::1]:8432', false],
    ['http://belay.internal', true],
  ])('%s', (text, allowHttp) => {
    expect(checkServerUrl(text, { allowHttp }).href).toContain(text);
  });

  it.each(['http://belay.internal', 'ftp://x', 'x', '', 'https://u:p@x', 'https://x?token=y'])(
    'refuses %j',
    (text) => {
      expect(() => checkServerUrl(text, { allowHttp: false })).toThrow(
        expect.objectContaining({ code: 'USAGE' }),
      );
    },
  );
});
