import { describe, expect, it } from 'vitest';
import { readWaivers } from '../../../src/domain/impact/waiver.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';

async function waiversOf(sql: string, line = 1) {
  const statements = await splitStatements(sql, { line });
  const { waivers, notes } = readWaivers(sql, statements, { file: 'up.sql', line });
  return {
    notes,
    waivers: waivers.map((of) => of.map(({ rule, reason, line: at }) => [rule, reason, at])),
  };
}

describe('readWaivers', () => {
  it('gives each statement what is allowed before, within and behind it', async () => {
    const { waivers, notes } = await waiversOf(
      `-- é: belay:allow is explained in the docs
-- belay:allow drop-table: empty since 2024: nobody wrote to it
DROP TABLE a;
DROP TABLE b; -- belay:allow drop-table, data-loss: kept in the warehouse
/* Why:
 * belay:allow drop-column: moved to profiles
 */
ALTER TABLE c
  DROP COLUMN d, -- belay:allow would-fail : the rows are deleted first
  DROP COLUMN e;
DROP TABLE f`,
      10,
    );
    expect(notes).toEqual([]);
    expect(waivers).toEqual([
      [['drop-table', 'empty since 2024: nobody wrote to it', 11]],
      [
        ['drop-table', 'kept in the warehouse', 13],
        ['data-loss', 'kept in the warehouse', 13],
      ],
      [
        ['drop-column', 'moved to profiles', 15],
        ['would-fail', 'the rows are deleted first', 18],
      ],
      [],
    ]);
  });

  it('gives what is allowed for a file to all of its statements', async () => {
    const sql = '-- belay:allow-file lock: maintenance window\nDROP TABLE a;\nDROP TABLE b;';
    const { waivers } = readWaivers(sql, await splitStatements(sql), { file: 'up.sql' });
    const waiver = { rule: 'lock', reason: 'maintenance window', line: 1, forFile: true };
    expect(waivers).toEqual([[waiver], [waiver]]);
  });

  it.each([
    ['-- belay:allow drop-table', 'line 1: belay:allow drop-table has no reason'],
    ['-- belay:allow drop-table:  ', 'line 1: belay:allow drop-table has no reason'],
    ['-- belay:allow', 'line 1: belay:allow names no rule'],
    ['-- belay:allow : because', 'line 1: belay:allow names no rule'],
    ['-- belay:allow table-drop: gone', 'there is no such rule; there is drop-table'],
    ['-- belay:allow qwerty: gone', 'belay:allow qwerty: there is no such rule'],
  ])('says why %j allows nothing', async (comment, note) => {
    const { waivers, notes } = await waiversOf(`${comment}\nDROP TABLE a;`);
    expect(waivers).toEqual([[]]);
    expect(notes).toEqual([expect.stringContaining(note)]);
  });

  it('says that one after the last statement is for nothing', async () => {
    const { notes } = await waiversOf('DROP TABLE a;\n\n-- belay:allow drop-table: gone\n');
    expect(notes).toEqual([expect.stringContaining('up.sql, line 3: belay:allow drop-table')]);
  });

  it('takes no text for a comment', async () => {
    const text = '-- belay:allow drop-table: no';
    const sql = `SELECT '${text}', "${text}", $$${text}$$, E'\\'${text}';`;
    expect(await waiversOf(sql)).toEqual({ notes: [], waivers: [[]] });
  });
});
