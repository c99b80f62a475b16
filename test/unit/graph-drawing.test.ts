import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawGraph } from '../../src/domain/graph-drawing.js';
import { toDot, toMermaid } from '../../src/domain/graph-drawing-formats.js';
import { buildVersionGraph } from '../../src/domain/version-graph.js';
import { historyOf, type SampleState } from '../support/sample-history.js';

const graphOf = (...states: readonly SampleState[]) => buildVersionGraph(historyOf(...states));

/** As on a terminal: lanes and ids. */
const drawn = (...states: readonly SampleState[]): string[] =>
  drawGraph(graphOf(...states)).map(({ lanes, id }) => (id === null ? lanes : `${lanes} ${id}`));

describe('a drawing', () => {
  it('of nothing is nothing', () => {
    expect(drawn()).toEqual([]);
  });

  it('of a line has the newest on top and the base below', () => {
    expect(drawn([[]], [['1']], [['1', '2']])).toEqual(['* 2', '* 1', '* 0']);
    expect(drawn([['1']], [['1', '2']])).toEqual(['* 2', '* 1']);
  });

  it('of branches has a lane for each', () => {
    expect(drawn([['1']], [['1', '2']], [['1', '3']], [['1', '3', '4']], [['1', '5']])).toEqual([
      '* 5',
      '| * 4',
      '| * 3',
      '| | * 2',
      '| |/',
      '|/',
      '* 1',
    ]);
  });

  it('of a merge brings them together', () => {
    expect(drawn([['1']], [['1', '2']], [['1', '3']], [['1', '3', '2', '4']])).toEqual([
      '* 4',
      '|\\',
      '| * 3',
      '* | 2',
      '|/',
      '* 1',
    ]);
  });

  it('of lanes that end or cross others leaves no gap', () => {
    expect(drawn([['a']], [['1']], [['1', '2']], [['a', 'b']], [['1', '3']])).toEqual([
      '* 3',
      '| * b',
      '| | * 2',
      '|_|/',
      '* | 1',
      ' /',
      '* a',
    ]);
    expect(drawn([['1']], [['2']], [['1', '2', '3']], [['1', '4']], [['2', '5']])).toEqual([
      '* 5',
      '| * 4',
      '| | * 3',
      '| | |\\',
      '|_|/ /',
      '* | | 2',
      ' / /',
      '|/',
      '* 1',
    ]);
  });

  it('of any graph has each version once, each below what follows it', () => {
    const versions = ['1', '2', '3', '4', '5', '6'];
    const sets = fc.array(fc.subarray(versions), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sets, (list) => {
        const graph = graphOf(...list.map((set): SampleState => [set, { action: 'snapshot' }]));
        const rows = drawGraph(graph);
        const ids = rows.flatMap(({ id }) => id ?? []);
        const expected = [...graph.versions.map(({ id }) => id), ...(graph.base ? ['0'] : [])];
        expect([...ids].sort()).toEqual(expected.sort());
        for (const { id, parents } of graph.versions) {
          for (const parent of parents)
            expect(ids.indexOf(parent)).toBeGreaterThan(ids.indexOf(id));
        }
        for (const { lanes, id } of rows) {
          expect(lanes).toMatch(id === null ? /^[|_/\\ ]+$/ : /^(\| )*\*( \|)*$/);
          expect(lanes).toBe(lanes.trimEnd());
        }
      }),
    );
  });
});

/** Names that would end a label, or be obeyed by whoever reads it. */
const nasty = `a"b\\c\nd\u001b[31m]<script>&amp;#quot;\`%%{init}%%é名`;

describe('a graph in other languages', () => {
  const checksum = 'a'.repeat(64);
  const graph = graphOf(
    [[], { checksum }],
    [['1'], { checksum, name: 'items' }],
    [['1', '2', '3'], { checksum, name: nasty }],
  );

  it('is DOT with quoted names', () => {
    expect(toDot(graph).split('\n')).toEqual([
      'digraph versions {',
      '  rankdir=BT;',
      '  node [shape=box];',
      '  v0 [label="0\\naaaaaaaa"];',
      '  v1 [label="1\\nitems\\naaaaaaaa"];',
      '  v2 [label="2\\nm2\\nnot recorded", style=dashed];',
      '  v3 [label="3\\na\\"b\\\\c\ufffdd\ufffd[31m]<script>&amp;#quot;`%%{init}%%é名\\naaaaaaaa", penwidth=3];',
      '  v0 -> v1;',
      '  v1 -> v2;',
      '  v2 -> v3;',
      '}',
    ]);
  });

  it('is Mermaid in which no name is markup', () => {
    expect(toMermaid(graph).split('\n')).toEqual([
      'flowchart BT',
      '  v0["0<br/>aaaaaaaa"]',
      '  v1["1<br/>items<br/>aaaaaaaa"]',
      '  v2["2<br/>m2<br/>not recorded"]',
      '  v3["3<br/>a#34;b#92;c#65533;d#65533;#91;31m#93;#60;script#62;#38;amp;#35;quot;#96;#37;#37;#123;init#125;#37;#37;é名<br/>aaaaaaaa"]',
      '  v0 --> v1',
      '  v1 --> v2',
      '  v2 --> v3',
      '  classDef current stroke-width:3px',
      '  classDef passed stroke-dasharray:4',
      '  class v3 current',
      '  class v2 passed',
    ]);
  });
});
