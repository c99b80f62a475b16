import { describe, expect, it } from 'vitest';
import {
  type ConversionSurroundings,
  cannotRefer,
  convert,
  parseType,
} from '../../../src/domain/impact/type-conversion.js';

const surroundings: ConversionSurroundings = {
  domainOf: (type) =>
    type === 'public.positive'
      ? { baseType: 'integer', isConstrained: true }
      : type === 'public.number'
        ? { baseType: 'integer', isConstrained: false }
        : undefined,
  isEnum: (type) => type === 'public.mood',
  timeZone: 'Europe/Berlin',
};

/** "free": only the catalog changes. "widens": rows are written anew, no value changes. "measure": values may fail or change. */
function kindOf(from: string, to: string, timeZone = 'Europe/Berlin'): string {
  const { rewrite, keepsValues } = convert(from, to, { ...surroundings, timeZone });
  if (!keepsValues) return rewrite ? 'measure' : 'measure without rewrite';
  return rewrite ? 'widens' : 'free';
}

describe('a change of type', () => {
  it.each([
    ['character varying(10)', 'character varying(20)', 'free'],
    ['character varying(10)', 'character varying', 'free'],
    ['character varying(10)', 'text', 'free'],
    ['character varying(10)', 'character varying(9)', 'measure'],
    ['text', 'character varying', 'free'],
    ['text', 'character varying(10)', 'measure'],
    ['text', 'integer', 'measure'],
    ['character(5)', 'character(8)', 'widens'],
    ['character(5)', 'character(3)', 'measure'],
    ['numeric(10,2)', 'numeric(12,2)', 'free'],
    ['numeric(10,2)', 'numeric', 'free'],
    ['numeric(10,2)', 'numeric(12,4)', 'widens'],
    ['numeric(10,2)', 'numeric(10,4)', 'measure'],
    ['numeric(10,2)', 'numeric(10,1)', 'measure'],
    ['numeric', 'numeric(10,2)', 'measure'],
    ['smallint', 'integer', 'widens'],
    ['integer', 'bigint', 'widens'],
    ['bigint', 'integer', 'measure'],
    ['bigint', 'double precision', 'measure'],
    ['integer', 'numeric', 'widens'],
    ['integer', 'numeric(5,0)', 'measure'],
    ['real', 'double precision', 'widens'],
    ['double precision', 'real', 'measure'],
    ['timestamp(3) without time zone', 'timestamp without time zone', 'free'],
    ['timestamp without time zone', 'timestamp(3) without time zone', 'measure'],
    ['timestamp with time zone', 'date', 'measure'],
    ['public.mood', 'text', 'widens'],
    ['text', 'public.mood', 'measure'],
    ['public.number', 'integer', 'free'],
    ['public.positive', 'integer', 'free'],
    ['integer', 'public.number', 'free'],
    ['integer', 'public.positive', 'measure'],
    ['character varying(10)[]', 'character varying[]', 'free'],
    ['character varying(10)[]', 'character varying(20)[]', 'widens'],
    ['integer', 'integer[]', 'measure'],
    ['json', 'jsonb', 'measure'],
    ['public.unknown', 'public.other', 'measure'],
  ])('from %s to %s: %s', (from, to, expected) => {
    expect(kindOf(from, to)).toBe(expected);
  });

  it('depends on the time zone where it is between timestamps with and without one', () => {
    const [plain, zoned] = ['timestamp without time zone', 'timestamp with time zone'];
    expect(kindOf(plain, zoned)).toBe('measure');
    for (const zone of ['UTC', 'Etc/UTC', 'GMT']) expect(kindOf(plain, zoned, zone)).toBe('free');
    expect(kindOf(zoned, plain, 'Europe/London')).toBe('measure');
  });

  it('is nothing where the type stays', () => {
    expect(kindOf('public.unknown', 'public.unknown')).toBe('free');
  });
});

describe('a type as it is printed', () => {
  it('has its modifiers in the middle too', () => {
    expect(parseType('timestamp(3) with time zone')).toEqual({
      ...{ base: 'timestamp with time zone', modifiers: [3], isArray: false },
    });
    expect(parseType('numeric(10,2)[]')).toEqual({
      ...{ base: 'numeric', modifiers: [10, 2], isArray: true },
    });
  });
});

describe('a foreign key', () => {
  it.each([
    ['integer', 'bigint', false],
    ['integer', 'text', true],
    ['uuid', 'text', true],
    ['text', 'character varying(10)', false],
    ['public.mood', 'text', false],
    ['integer[]', 'integer', true],
  ])('from %s to %s cannot be: %s', (from, to, expected) => {
    expect(cannotRefer(from, to)).toBe(expected);
  });
});
