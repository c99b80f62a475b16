import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { describeGraph } from '../../../src/cli/output/describe-graph.js';
import { describeVersions } from '../../../src/cli/output/describe-history.js';
import { drawGraph } from '../../../src/domain/graph-drawing.js';
import { buildVersionGraph } from '../../../src/domain/version-graph.js';
import { historyOf, type SampleState } from '../../support/sample-history.js';

const style = picocolors.createColors(false);
const place = 'schema "belay" of "shop"';
const localTime = /\d{4}-\d\d-\d\d \d\d:\d\d/g;

const textOf = (...states: readonly SampleState[]): string => {
  const graph = { ...buildVersionGraph(historyOf(...states)), place };
  return describeGraph(style, graph, drawGraph(graph)).replace(localTime, 'TIME');
};

describe('the graph on a terminal', () => {
  const [a, b] = ['a', 'b'].map((digit) => digit.repeat(64));

  it('says what is known of each version', () => {
    const text = textOf(
      [[], { checksum: a }],
      [['1'], { checksum: a, name: 'items' }],
      [['1', '2', '3'], { checksum: b, name: '' }],
      [['1', '4'], { checksum: b, name: 'orders' }],
    );
    expect(text.split('\n')).toEqual([
      '* 4  orders  bbbbbbbb  TIME  (current, head)',
      '| * 3  bbbbbbbb  TIME  (head)',
      '| * 2  m2  not recorded',
      '|/',
      '* 1  items  aaaaaaaa  TIME',
      '* 0  before the first migration  aaaaaaaa',
    ]);
  });

  it('says where it is when everything was taken back', () => {
    const text = textOf([['1'], { checksum: b }], [[], { checksum: a, action: 'down' }]);
    expect(text.split('\n').at(-1)).toBe('* 0  before the first migration  aaaaaaaa  (current)');
  });

  it('of nothing says what to do', () => {
    expect(textOf()).toContain('no version is recorded in the schema "belay" of "shop"');
    expect(textOf()).toContain('belay schema snapshot');
  });

  it('obeys no name', () => {
    const text = textOf([['\u001b[2J'], { checksum: a, name: 'x\ny' }]);
    expect(text).toBe('* \ufffd[2J  x\ufffdy  aaaaaaaa  TIME  (current, head)');
  });
});

describe('the list on a terminal', () => {
  it('is a table', () => {
    const actor = { role: 'app', user: 'ann', host: 'desk' };
    const base = { at: '2026-11-21T12:00:00.000Z', actor, reached: 1, git: null };
    const text = describeVersions(style, {
      ...{ place, current: '2' },
      versions: [
        {
          ...{ ...base, id: '2', version: '2', name: 'orders', tool: 'prisma', action: 'snapshot' },
          git: { branch: 'main', commit: 'c'.repeat(40), dirty: true },
          ...{ checksum: 'b'.repeat(64), partial: true, isCurrent: true, modelKept: false },
        },
        {
          ...{ ...base, id: 'v\u001b1', version: 'v\u001b1', name: '', tool: 'none' },
          ...{ action: 'snapshot', checksum: 'a'.repeat(64), partial: false },
          ...{ isCurrent: false, modelKept: true },
        },
      ],
    });
    const rows = text.replace(localTime, 'TIME').split('\n');
    expect(rows.map((row) => row.trim().split(/\s{2,}/))).toEqual([
      ['VERSION', 'NAME', 'BY', 'RECORDED', 'WHO', 'GIT', 'SCHEMA'],
      [
        ...['●', '2', 'orders', 'prisma snapshot', 'TIME', 'app (ann@desk)', 'main@ccccccc*'],
        'bbbbbbbb not kept, partial',
      ],
      ['v\ufffd1', 'snapshot', 'TIME', 'app (ann@desk)', 'aaaaaaaa'],
    ]);
  });

  it('of nothing says what to do', () => {
    const text = describeVersions(style, { versions: [], current: null, place });
    expect(text).toContain('belay schema snapshot');
  });
});
