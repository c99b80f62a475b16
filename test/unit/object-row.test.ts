import { describe, expect, it } from 'vitest';
import { isTorn, type ObjectRow } from '../../src/postgres/schema/object-row.js';

const row = (
  kind: string,
  name: string | null,
  attributes: ObjectRow['attributes'] = {},
): ObjectRow => ({ class: '1', id: '2', sub: 0, kind, name, attributes });

describe('row of an object that was taken away while it was read', () => {
  it.each([
    ['has no name', row('index', null)],
    ['has its OID for a name', row('operator', '65335')],
    ['has a type that is gone in its name', row('function', 'app.f(???)', { definition: 'x' })],
    ['has no definition', row('view', 'app.v', { owner: 'amy' })],
    ['is an index without a definition', row('index', 'app.i', { on: 'app.t' })],
    ['has a type that is gone', row('column', 'app.t.c', { type: '???' })],
    ['belongs to an OID', row('sequence', 'app.s', { 'owned by': '65335.id' })],
  ])('is known when it %s', (_, torn) => {
    expect(isTorn(torn)).toBe(true);
  });

  it.each([
    ['a table without a definition', row('table', 'app.t', { owner: 'amy' })],
    ['a name that begins with a digit', row('table', '"1".t', { 'partition of': '"1"."2"' })],
    ['numbers that are no OID', row('sequence', 'app.s', { start: '65335' })],
    ['the index of a constraint', row('index', 'app.i', { 'owned by': 'app.t.i' })],
    ['a question in a text', row('column', 'app.t.c', { type: 'text', default: `'???'::text` })],
    ['a view', row('view', 'app.v', { definition: ' SELECT 1;' })],
  ])('is not %s', (_, whole) => {
    expect(isTorn(whole)).toBe(false);
  });
});
