import { describe, expect, it } from 'vitest';
import { toMarkdown } from '../../../src/domain/impact/markdown.js';
import { codeBlock, inlineCode, plainMarkdown } from '../../../src/domain/impact/markdown-text.js';
import { evaluatePolicy } from '../../../src/domain/impact/policy.js';
import { sampleImpact, samplePlan } from '../../support/sample-impact.js';

const dropTable = sampleImpact({
  ...{ rule: 'drop-table', operation: 'DROP TABLE', object: 'public.sessions', safety: 'UNSAFE' },
  ...{ recordsAtRisk: 5678, rowsAffected: 5678, saferWay: 'ALTER TABLE sessions RENAME TO old;' },
});
const harmless = sampleImpact({ rule: 'create-table', operation: 'CREATE TABLE' });

/** What GitHub shows of a text: entities as their characters. */
const shown = (markdown: string): string =>
  markdown
    .replace(/<\/?code>/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));

const rowsOf = (markdown: string): string[] =>
  markdown.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));

describe('toMarkdown', () => {
  it('shows losses in a table, and folds the rest', () => {
    const text = toMarkdown(samplePlan([[dropTable], [harmless]]), { title: '0007_sessions' });
    expect(shown(text)).toContain('### ⚠️ Migration impact: 0007_sessions\n');
    expect(text).toContain('**5,678 records at risk**, in 2 statements.');
    expect(rowsOf(text).map(shown)).toEqual([
      '| | operation | object | impact | where |',
      '| 🛑 | DROP TABLE | public.sessions | 5,678 records at risk (drop-table) | up.sql:10 |',
    ]);
    expect(text).toMatch(
      /<details>\n<summary>.*<\/summary>\n\n[\s\S]*```sql\nALTER TABLE sessions[\s\S]*\n\n<\/details>/,
    );
  });

  it('says little of what is harmless', () => {
    const text = toMarkdown(samplePlan([[harmless]]), { title: 'a' });
    expect(text).not.toContain('<details>');
    expect(shown(text)).toBe(
      '### ✅ Migration impact: a\n\n**0 records at risk**, in 1 statement.\n',
    );
  });

  it('says what a policy refuses, and what is waived and why', () => {
    const plan = samplePlan([[dropTable], [dropTable]], {
      1: [{ rule: 'drop-table', reason: 'kept | elsewhere @team', line: 9 }],
    });
    const text = toMarkdown(plan, { title: 'a', policy: evaluatePolicy(plan) });
    expect(text).toContain(': **refused**');
    expect(rowsOf(text)).toHaveLength(2);
    expect(shown(text).replaceAll('\u2060', '')).toContain(
      'Waived:\n\n- DROP TABLE public.sessions (drop-table, up.sql:10): kept | elsewhere @team',
    );
    const passing = samplePlan([[dropTable]], { 1: plan.statements[0]?.waivers ?? [] });
    expect(toMarkdown(passing, { title: 'a', policy: evaluatePolicy(passing) })).toContain(
      ': passed',
    );
  });

  it('lists where the code still names what goes away', () => {
    const name = { schema: 'public', table: 'users', column: 'e|mail' };
    const place = { file: 'a.ts', line: 3, text: 'x', what: 'SQL', name };
    const mentions = [
      { ...place, confidence: 'high' as const },
      { ...place, line: 4, confidence: 'low' as const },
    ];
    const plan = samplePlan([[dropTable]]);
    const text = shown(toMarkdown(plan, { title: 'a', codebase: { mentions, notes: [] } }));
    expect(text).toContain('(a hint, no proof):\n\n- a.ts:3 users.e|mail: SQL\n');
    expect(text).not.toContain('a.ts:4');
    const none = toMarkdown(plan, { title: 'a', codebase: { mentions: [], notes: [] } });
    expect(none).toContain('The code names nothing of what goes away');
  });

  const evil = [
    '</code></details><img src=x onerror=alert(1)>',
    '| x | y |\n| --- | --- |',
    '@everybody #1 GH-1 org/repo#2 https://evil.example www.evil.example a@b.example',
    '[x](https://evil.example) ![x](y) `code` **bold** $x$ <!-- -->',
    '\u202e\u0000\u001b[31m',
  ];

  it.each(evil)('lets nothing break out: %j', (text) => {
    const impact = sampleImpact({
      ...{ rule: text, operation: text, object: text, reason: text, safety: 'UNSAFE' },
      ...{ recordsAtRisk: 1, samples: [text], saferWay: text },
    });
    const waiver = { rule: text, reason: text, line: 1 };
    const plan = samplePlan(
      [[impact], [dropTable]],
      { 1: [waiver] },
      { notes: [text], file: text },
    );
    const markdown = toMarkdown(plan, { title: text, policy: evaluatePolicy(plan, {}) });
    const outside = markdown.replace(/^(`{3,})sql\n[\s\S]*?\n\1$/gm, '');
    expect(outside.replace(/<\/?(?:details|summary|code)>/g, '')).not.toMatch(
      /[<>@`$[\]]|https?:\/\/|www\.e/,
    );
    expect(outside.match(/<details>/g)).toHaveLength(1);
    expect(outside.match(/<\/details>/g)).toHaveLength(1);
    expect(outside.match(/<code>/g)?.length).toBe(outside.match(/<\/code>/g)?.length);
    for (const row of rowsOf(markdown)) expect(row.split('|')).toHaveLength(7);
  });

  it('fits into a comment', () => {
    const long = sampleImpact({
      ...dropTable,
      reason: 'x '.repeat(500),
      saferWay: 'y'.repeat(2_000),
    });
    const plan = samplePlan(Array.from({ length: 150 }, () => [long]));
    for (const maxLength of [60_000, 20_000]) {
      const text = toMarkdown(plan, { title: 'a', maxLength });
      expect(text.length).toBeLessThanOrEqual(maxLength);
      expect(text).toContain('… and 50 more impacts');
    }
    expect(toMarkdown(plan, { title: 'a' })).toContain('left out: the text is too long');
  });
});

describe('plainMarkdown', () => {
  it('keeps GitHub from finding people, issues and links in what it renders', () => {
    const text = shown(plainMarkdown('@team #12 GH-7 https://x.example'));
    expect(text).toBe('@\u2060team #\u206012 GH-\u20607 https://\u2060x.example');
  });

  it.each(['- a', '+ a', '1. a', '2) a', '===', '# a'])(
    'begins no list and no heading: %s',
    (text) => {
      expect(plainMarkdown(text)).toMatch(/^(?:\d*)&#\d+;/);
      expect(shown(plainMarkdown(text)).replaceAll('\u2060', '')).toBe(text);
    },
  );

  it('leaves ordinary text as it is', () => {
    const text = 'app.users: 5 rows (of "a-b"), id = 3';
    expect(plainMarkdown(text)).toBe(text);
  });
});

describe('inlineCode', () => {
  it('is one line, whatever stands in it', () => {
    expect(shown(inlineCode(' a\r\n|`b` '))).toBe('a |`b`');
    expect(inlineCode('')).toBe('');
  });
});

describe('codeBlock', () => {
  it('has a fence longer than those within', () => {
    expect(codeBlock('SELECT 1;\n````\nx', 'sql')).toBe('`````sql\nSELECT 1;\n````\nx\n`````');
  });
});
