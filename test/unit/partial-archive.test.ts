import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  excludePatterns,
  nameTables,
  orderPartialRestore,
} from '../../src/domain/partial-archive.js';
import type { ContentsEntry } from '../../src/domain/table-of-contents.js';

/** What pg_dump does with a pattern of quoted text, "*" and one dot between schema and name. */
function matches(pattern: string, { schema, name }: { schema: string; name: string }): boolean {
  const parts = ['', ''];
  let part = 0;
  for (const [, quoted, other] of pattern.matchAll(/"((?:[^"]|"")*)"|(.)/gsu)) {
    if (other === '.') part += 1;
    else if (other === '*') parts[part] += '.*';
    else {
      const text = quoted?.replaceAll('""', '"') ?? other ?? '';
      parts[part] += text.replace(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
    }
  }
  const [inSchema, named] = parts.map((text) => new RegExp(`^(?:${text})$`, 'su'));
  return part === 1 && inSchema?.test(schema) === true && named?.test(name) === true;
}

const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'A', '*', '.', '"', '?', 'Ä', '🧗', ' '),
});
const word = text.filter((value) => value.length > 0);
const relation = fc.record({ schema: word, name: word });
const relations = fc.uniqueArray(relation, {
  maxLength: 30,
  selector: ({ schema, name }) => JSON.stringify([schema, name]),
});

describe('patterns that leave rows out', () => {
  it('match all others and nothing that is kept, however they are named', () => {
    fc.assert(
      fc.property(relations, fc.nat(5), (all, count) => {
        const kept = all.slice(0, count);
        const others = all.slice(count);
        const patterns = excludePatterns(kept, others);
        const isLeftOut = (one: (typeof all)[number]) => patterns.some((p) => matches(p, one));
        expect(others.filter((one) => !isLeftOut(one))).toEqual([]);
        expect(kept.filter(isLeftOut)).toEqual([]);
      }),
    );
  });

  it('stay few where there are many tables', () => {
    const others = Array.from({ length: 50_000 }, (_, n) => ({
      schema: `tenant_${n % 500}`,
      name: `orders_of_customer_${n}`,
    }));
    const kept = [{ schema: 'tenant_7', name: 'users' }];
    const patterns = excludePatterns(kept, others);
    expect(patterns.length).toBeLessThan(40);
    expect(patterns).toContain('"tenant_7"."o"*');
  });

  it('are none where there is nothing else', () => {
    expect(excludePatterns([{ schema: 'public', name: 'users' }], [])).toEqual([]);
  });
});

function entry(dumpId: number, changes: Partial<ContentsEntry>): ContentsEntry {
  return {
    ...{ dumpId, kind: 'TABLE', schema: 'public', tag: `t${dumpId}`, section: 'pre-data' },
    ...{ owner: '', tablespace: '', definition: '', copyStatement: '', needs: [] },
    ...changes,
  };
}

describe('the order of a restore', () => {
  const after = { section: 'post-data' } as const;
  const contents = {
    ...{ encoding: 'UTF8', serverVersion: '15.1', oldestReader: 12, sizeBytes: 0 },
    entries: [
      entry(1, { tag: 'a b' }),
      entry(2, { tag: 'b' }),
      entry(3, { kind: 'TABLE DATA', tag: 'a b', section: 'data' }),
      entry(4, { ...after, kind: 'CONSTRAINT', tag: 'b b_pkey', needs: [2] }),
      entry(5, { ...after, kind: 'FK CONSTRAINT', tag: 'a b key', needs: [4, 1] }),
      entry(6, { ...after, kind: 'COMMENT', tag: 'CONSTRAINT key', needs: [5] }),
      entry(7, { ...after, kind: 'FK CONSTRAINT', tag: 'a key', needs: [4, 1] }),
    ],
  };
  const ids = (entries: readonly ContentsEntry[]) => entries.map(({ dumpId }) => dumpId);

  it('makes unchecked foreign keys and what they need before the rows', () => {
    const reference = { table: 'public.a b', constraint: 'key', refersTo: 'public.b' };
    const { rows, rest } = orderPartialRestore(contents, [reference]);
    expect(ids(rows)).toEqual([1, 2, 4, 5, 3]);
    expect(ids(rest)).toEqual([6, 7]);
  });

  it('is that of the dump where everything can be checked', () => {
    const { rows, rest } = orderPartialRestore(contents, []);
    expect([ids(rows), ids(rest)]).toEqual([
      [1, 2, 3],
      [4, 5, 6, 7],
    ]);
  });
});

it('many tables are named briefly', () => {
  expect(nameTables(['a.b'])).toBe('a.b');
  expect(nameTables(['1', '2', '3', '4', '5', '6', '7'])).toBe('1, 2, 3, 4, 5 and 2 more');
});
