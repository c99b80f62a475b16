import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readPsqlScript } from '../../../src/domain/psql/psql-script.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';
import { failure } from '../../support/failure.js';

const size = 20_000_000;
const line = "INSERT INTO users (id, email) VALUES (123456, 'somebody@example.com; \\\\x');\n";

describe('a file of 20 MB', () => {
  it('lets itself be interrupted while it is parsed', async () => {
    const sql = line.repeat(size / line.length);
    const controller = new AbortController();
    const parsing = failure(
      splitStatements(sql, { file: 'large.sql', signal: controller.signal }),
      'INTERRUPTED',
    );
    await setTimeout(1);
    controller.abort();
    expect((await parsing).message).toContain('large.sql');
  });

  it('has the data of COPY cut out, and lines stay what they are', () => {
    const data = "1\t'; DROP TABLE users;\n";
    const rows = Math.floor(size / data.length);
    const text = `COPY t FROM stdin;\n${data.repeat(rows)}\\.\nSELECT 1;\n`;
    const { parts, copies } = readPsqlScript(text);
    expect(copies).toEqual([{ line: 1, rows }]);
    const [part] = parts;
    const sql = part?.kind === 'sql' ? part.sql : '';
    expect(sql.replace(/\n+/g, '\n')).toBe('COPY t FROM stdin;\nSELECT 1;\n');
    expect(sql.split('\n').indexOf('SELECT 1;')).toBe(rows + 2);
  });
});
