import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isPolicyName } from '../../../src/domain/impact/policy.js';
import { findRule } from '../../../src/domain/impact/rules.js';

const page = readFileSync(new URL('../../../docs/linters.md', import.meta.url), 'utf8');

/** Cells of the tables, by the title of the section. */
function tables(): [section: string, cells: string[]][] {
  return page
    .split(/^## /m)
    .slice(1)
    .flatMap((text) => {
      const section = text.split('\n', 1)[0] ?? '';
      const rows = text.split('\n').filter((line) => /^\| (?!---)/.test(line));
      return rows.slice(1).map((row): [string, string[]] => [
        section,
        row
          .split(/(?<!\\)\|/)
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ]);
    });
}

const names = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');

describe('docs/linters.md', () => {
  it('has a table for each of the four', () => {
    const sections = new Set(tables().map(([section]) => section));
    expect([...sections]).toEqual(['squawk', 'Atlas', 'strong_migrations', 'pgfence']);
  });

  it('names only rules that there are', () => {
    for (const [section, [theirs = '', ours = '']] of tables()) {
      for (const name of names(ours))
        expect(findRule(name), `${section}: ${theirs} → ${name}`).toBeDefined();
    }
  });

  it('says for every rule of theirs which of ours it is', () => {
    for (const [section, [theirs = '', ours = '']] of tables()) {
      expect(ours, `${section}: ${theirs}`).not.toBe('');
    }
  });

  it('waives rules that there are', () => {
    const waived = [...page.matchAll(/belay:allow(?:-file)? ([a-z-]+):/g)].map(
      ([, name]) => name ?? '',
    );
    expect(waived.length).toBeGreaterThan(0);
    for (const name of waived) expect(isPolicyName(name), name).toBe(true);
  });
});
