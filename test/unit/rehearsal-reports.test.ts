import { describe, expect, it } from 'vitest';
import { describeRehearsal } from '../../src/cli/output/describe-rehearsal.js';
import { plainStyle } from '../../src/cli/output/style.js';
import { rehearsalMarkdown } from '../../src/domain/rehearsal-markdown.js';
import {
  harmlessRehearsal,
  nastyText,
  sampleProbes,
  sampleRehearsal,
  sampleTables,
} from '../support/sample-rehearsal.js';

const text = (rehearsal = sampleRehearsal, columns?: number) =>
  describeRehearsal(plainStyle, rehearsal, columns);

describe('a rehearsal on a terminal', () => {
  it('says first what was lost and why it is refused', () => {
    const [first, second] = text().split('\n');
    expect(first).toBe('✘ rehearsal of up.sql: 2,101 records lost');
    expect(second).toBe('  refused: 2,101 records lost, at most 0 allowed');
  });

  it('lists losses by table and column, largest first', () => {
    expect(text()).toContain(
      [
        '  Lost',
        '    users.email    1,234 values (column dropped)',
        '    orders         812 rows of 10,000',
        '    shop.sessions  55 rows (table dropped)',
      ].join('\n'),
    );
  });

  it('tells measured locks from those that were only seen', () => {
    const shown = text();
    expect(shown).toContain('2.3 s  users  ACCESS EXCLUSIVE (no reading, no writing)');
    expect(shown).toContain('< 21 ms  orders  SHARE (no writing), waited for 15 ms');
    expect(shown).toContain('seen every 10.2 ms');
    const exact = { ...sampleRehearsal, locks: sampleRehearsal.locks.slice(0, 1) };
    expect(text(exact)).not.toContain('seen every');
  });

  it('shows the queries that break, with what the server says', () => {
    expect(text()).toContain('broken  line 3  42703: column "email" does not exist');
    expect(text()).toContain('1 of 2 queries as before');
  });

  it('is short where nothing happened', () => {
    expect(text(harmlessRehearsal).split('\n').slice(0, 2)).toEqual([
      '✔ rehearsal of up.sql: nothing lost',
      '',
    ]);
    expect(text(harmlessRehearsal).split('\n').length).toBeLessThan(9);
    // What is lost without a limit is no failure, and no success to be cheered.
    expect(text({ ...sampleRehearsal, ok: true, exceeded: [] })).toMatch(/^! rehearsal/);
  });

  it('shouts where the real database was touched', () => {
    const untouched = { status: 'touched' as const, evidence: ['a session of the command'] };
    const shown = text({ ...sampleRehearsal, untouched });
    expect(shown.split('\n')[1]).toBe('  the real database was touched while it ran');
    expect(shown).toContain('TOUCHED. a session of the command');
  });

  it('says of a failure what failed, where, and what it had lost until then', () => {
    const errors = [
      {
        ...{ message: 'division by zero', sqlState: '22012', line: 7, file: 'b.sql' },
        statement: 'SELECT 1 / 0',
      },
    ];
    const shown = text({ ...sampleRehearsal, exitCode: 1, errors });
    expect(shown).toContain('✘ rehearsal of up.sql: it fails, and leaves 2,101 records lost');
    expect(shown).toContain('    b.sql, line 7: division by zero (22012)\n      SELECT 1 / 0');
    const late = text({ ...harmlessRehearsal, ok: false, exitCode: 1, timedOut: true, errors });
    expect(late).toContain('it did not end in time');
    expect(
      text({ ...harmlessRehearsal, ok: false, command: 'prisma', exitCode: 2 }).split('\n')[0],
    ).toBe('✘ rehearsal of prisma: it fails with exit code 2');
  });

  it('keeps to the width of a terminal, as far as words let it', () => {
    const longest = Math.max(
      ...text(sampleRehearsal, 60)
        .split('\n')
        .map((line) => line.length),
    );
    expect(longest).toBeLessThanOrEqual(90);
  });

  it('lists at most what somebody looks at', () => {
    const one = sampleTables[1] as (typeof sampleTables)[number];
    const tables = Array.from({ length: 500 }, (_, i) => ({ ...one, table: `public.t${i}` }));
    const shown = text({ ...sampleRehearsal, tables });
    expect(shown).toContain('… and 470 more (--json has all)');
    expect(shown.split('\n').length).toBeLessThan(200);
  });

  it('obeys nothing that stands in names, values and messages', () => {
    const shown = text(nasty());
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });
});

/** Everything that comes from elsewhere is nasty. */
function nasty() {
  const [table] = sampleTables;
  const [probe] = sampleProbes;
  const [lock] = sampleRehearsal.locks;
  const [change] = sampleRehearsal.schema;
  if (!table || !probe || !lock || !change) throw new Error('the sample has none');
  return {
    ...sampleRehearsal,
    command: nastyText,
    tables: [
      {
        ...table,
        table: `public.${nastyText}`,
        renamedTo: nastyText,
        columns: table.columns.map((one) => ({ ...one, column: nastyText, renamedTo: nastyText })),
        samples: [
          {
            key: { [nastyText]: nastyText },
            change: 'updated' as const,
            values: [{ column: nastyText, before: nastyText, after: nastyText }],
          },
        ],
      },
    ],
    schema: [{ ...change, name: nastyText, detail: nastyText, reason: nastyText }],
    sequences: [{ sequence: nastyText, before: '1', after: '2' }],
    locks: [{ ...lock, object: nastyText, statement: nastyText }],
    statements: [{ sql: nastyText, durationMs: 50, exact: false, line: 1, file: nastyText }],
    errors: [
      { message: nastyText, sqlState: '22012', line: 1, statement: nastyText, file: nastyText },
    ],
    probes: [{ ...probe, sql: nastyText, after: { ...probe.after, error: nastyText } }],
    notes: [nastyText],
    untouched: { status: 'proven' as const, evidence: [nastyText] },
    source: { ...sampleRehearsal.source, tag: nastyText, why: nastyText },
  };
}

describe('a rehearsal in a pull request', () => {
  it('begins with the verdict, and folds what is long', () => {
    const shown = rehearsalMarkdown(sampleRehearsal);
    expect(shown.startsWith('### 🛑 Migration rehearsal: <code>up.sql</code>\n')).toBe(true);
    expect(shown).toContain('**2,101 records lost**, 20 values changed, took 2.4 s.');
    expect(shown).toContain('🛑 Refused: 2,101 records lost, at most 0 allowed');
    expect(shown).toContain('| <code>public.users.email</code> | 1,234 values (column dropped) |');
    expect(shown).toContain('<summary>1 change of the schema</summary>');
    expect(shown).toContain('under 21 ms');
    expect(shown).toContain('The real database was left alone');
  });

  it('is calm where nothing happened', () => {
    const shown = rehearsalMarkdown(harmlessRehearsal, { title: '0007_add_index' });
    expect(shown).toContain('### ✅ Migration rehearsal: <code>0007&#95;add&#95;index</code>');
    expect(shown).toContain('nothing lost, 0 values changed');
    expect(shown).not.toContain('<details>');
  });

  it('cannot be broken out of, and calls nobody', () => {
    const whole = rehearsalMarkdown(nasty());
    expect(whole).not.toContain('\u202e');
    expect(whole).not.toContain('\u001b');
    // In a block of code nothing has a meaning.
    const shown = whole.replace(/^```sql\n[\s\S]*?\n```$/gm, '');
    expect(shown).not.toContain('```');
    expect(shown).not.toContain('<img');
    expect(shown).not.toMatch(/@everyone/);
    expect(shown.match(/^#/gm)).toHaveLength(1);
    const cells = shown.split('\n').filter((line) => line.startsWith('| '));
    for (const line of cells) expect(line.endsWith(' |')).toBe(true);
  });

  it('fits into a comment, the verdict first', () => {
    const [table] = sampleTables;
    if (!table) throw new Error('the sample has none');
    const tables = Array.from({ length: 200 }, (_, i) => ({
      ...table,
      table: `public.table_${i}`,
    }));
    const whole = rehearsalMarkdown({ ...sampleRehearsal, tables });
    expect(whole.length).toBeLessThanOrEqual(60_000);
    const short = rehearsalMarkdown({ ...sampleRehearsal, tables }, { maxLength: 3_000 });
    expect(short.length).toBeLessThanOrEqual(3_000);
    expect(short).toContain('2,101 records lost');
    expect(short).toContain('left out');
  });
});
