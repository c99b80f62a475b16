import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findRule, rules } from '../../../src/domain/impact/rules.js';

const folder = join(import.meta.dirname, '../../../src/domain/impact');
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('rules.ts'))
  .map((file) => readFileSync(join(folder, file), 'utf8'))
  .join('\n');

/** Texts that are given as rules: after `rule:`, also the two of a condition. */
const used = new Set(
  [...sources.matchAll(/\brule: (?:[^\n,]*?\? )?'([a-z-]+)'(?:\s*: '([a-z-]+)')?/g)].flatMap(
    ([, one, other]) => [one, other].filter((id) => id !== undefined),
  ),
);

describe('the catalogue of rules', () => {
  it('has every rule by which something is found', () => {
    expect(used.size).toBeGreaterThan(60);
    expect([...used].filter((id) => !findRule(id))).toEqual([]);
  });

  it('has no rule that nothing is found by', () => {
    expect(rules.map(({ id }) => id).filter((id) => !sources.includes(`'${id}'`))).toEqual([]);
  });

  it('has each rule once, with a title of its own', () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    expect(rules.filter(({ id }) => !/^[a-z]+(?:-[a-z]+)*$/.test(id))).toEqual([]);
    expect(rules.filter(({ title }) => title.endsWith('.') || title.length > 90)).toEqual([]);
  });

  it('knows nothing of other names', () => {
    expect(findRule('no-such-rule')).toBeUndefined();
  });
});
