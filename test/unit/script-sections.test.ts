import { describe, expect, it } from 'vitest';
import { splitSections } from '../../src/domain/script-sections.js';

const markers = { up: /^\s*--[\s-]*up\s+migration/im, down: /^\s*--[\s-]*down\s+migration/im };

describe('splitSections', () => {
  it('gives each part with the line on which it begins', () => {
    const text = 'comment\n\n-- Up Migration x\ncreate a;\n\n  -- Down Migration\r\ndrop a;\n';
    expect(splitSections(text, markers)).toEqual({
      up: { marker: '-- Up Migration x', line: 3, sql: '-- Up Migration x\ncreate a;\n\n' },
      down: { marker: '  -- Down Migration', line: 6, sql: '  -- Down Migration\r\ndrop a;\n' },
    });
  });

  it('takes the parts in either order', () => {
    expect(splitSections('-- down migration\nb\n-- up migration\na', markers)).toEqual({
      up: { marker: '-- up migration', line: 3, sql: '-- up migration\na' },
      down: { marker: '-- down migration', line: 1, sql: '-- down migration\nb\n' },
    });
  });

  it('finds nothing where there is no marker', () => {
    expect(splitSections("select '-- up migration'", markers)).toEqual({
      up: undefined,
      down: undefined,
    });
  });
});
