import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewHistoryEntry } from '../../src/domain/history.js';
import { buildVersionGraph, findNode, type VersionGraph } from '../../src/domain/version-graph.js';
import { ancestors, descendants, pathBetween } from '../../src/domain/version-graph-paths.js';
import { BelayError } from '../../src/errors.js';
import { historyOf, type SampleState } from '../support/sample-history.js';

const graphOf = (...states: readonly SampleState[]): VersionGraph =>
  buildVersionGraph(historyOf(...states));

const edgesOf = ({ versions }: VersionGraph): Record<string, readonly string[]> =>
  Object.fromEntries(versions.map(({ id, parents }) => [id, parents]));

describe('the version graph', () => {
  it('of nothing is empty', () => {
    expect(buildVersionGraph([])).toEqual({ versions: [], base: null, current: null, heads: [] });
  });

  it('of a line is a line, and a version that is reached again stays one', () => {
    const [one, two] = [['1'], ['1', '2']];
    const graph = graphOf([[]], [one], [two], [one, { action: 'down', from: '2' }], [two]);
    expect(edgesOf(graph)).toEqual({ '1': [], '2': ['1'] });
    expect(graph).toMatchObject({ base: { version: '0' }, current: '2', heads: ['2'] });
    expect(graph.versions[1]).toMatchObject({
      ...{ id: '2', version: '2', name: 'm2', tool: 'belay', applied: ['1', '2'] },
      ...{ reached: 2, isCurrent: true, isHead: true, children: [] },
      ...{ at: '2026-11-21T12:02:00.000Z', lastAt: '2026-11-21T12:04:00.000Z' },
    });
  });

  it('has a head for each git branch, and both as parents of what brings them together', () => {
    const branches = graphOf([['1']], [['1', '2']], [['1', '3']]);
    expect(branches.heads).toEqual(['2', '3']);
    const merged = graphOf(...([[['1']], [['1', '2']], [['1', '3']]] as const), [
      ['1', '3', '2', '4'],
      { from: '3' },
    ]);
    expect(edgesOf(merged)).toEqual({ '1': [], '2': ['1'], '3': ['1'], '4': ['3', '2'] });
    expect(merged.heads).toEqual(['4']);
  });

  it('is at the base after everything was taken back', () => {
    const graph = graphOf([['1']], [[], { action: 'down', from: '1' }]);
    expect(graph.current).toBe('0');
    expect(graph.versions.map(({ isCurrent }) => isCurrent)).toEqual([false]);
  });

  it('knows versions that were passed by name', () => {
    const graph = graphOf([['1', '2', '3'], { tool: 'prisma', action: 'snapshot' }]);
    expect(edgesOf(graph)).toEqual({ '1': [], '2': ['1'], '3': ['2'] });
    expect(graph.versions[1]).toMatchObject({
      ...{ version: '2', name: 'm2', tool: 'prisma', checksum: null },
      ...{ at: null, lastAt: null, reached: 0, isHead: false },
    });
  });

  it('tells schemas of the same version apart by their checksums', () => {
    const [a, b] = ['a', 'b'].map((digit) => digit.repeat(64));
    const graph = graphOf(
      [['1'], { checksum: a }],
      [['1'], { checksum: b, action: 'snapshot' }],
      [['1', '2'], { from: '1' }],
    );
    expect(graph.versions.map(({ id, checksum }) => [id, checksum])).toEqual([
      ['1', a],
      ['1@bbbbbbbb', b],
      ['2', expect.anything()],
    ]);
    // Of the two the one that it was reached from.
    expect(edgesOf(graph)).toEqual({ '1': [], '1@bbbbbbbb': [], '2': ['1@bbbbbbbb'] });
  });

  it('has what was found after what it was made from', () => {
    const found = (version: string, from: string | null, applied: string[] = []): SampleState => [
      applied,
      { version, from, action: 'snapshot', checksum: version.repeat(4) },
    ];
    const graph = graphOf(
      ...[found('a', null), found('b', 'a'), found('a', 'b'), found('c', 'a')],
      [['1'], { from: 'c' }],
      found('fix', '1', ['1']),
      [['1', '2'], { from: 'fix' }],
    );
    expect(edgesOf(graph)).toEqual({
      ...{ a: [], b: ['a'], c: ['a'], '1': ['c'], fix: ['1'], '2': ['fix'] },
    });
    expect(graph.heads).toEqual(['b', '2']);
  });

  it('has an edge from where it was reached, also past another branch', () => {
    const b = 'b'.repeat(64);
    const graph = graphOf(
      [['1']],
      [['1', '2']],
      [['1'], { checksum: b, action: 'snapshot' }],
      [['1', '2', '3'], { from: '1' }],
    );
    expect(edgesOf(graph)).toMatchObject({ '2': ['1'], '3': ['1@bbbbbbbb', '2'] });
  });
});

describe('finding a version', () => {
  const graph = graphOf(
    [['0007'], { checksum: 'a'.repeat(64), name: 'add_items' }],
    [['0007'], { checksum: 'b'.repeat(64), name: 'add_items', action: 'snapshot' }],
    [['0007', '007'], { name: '' }],
    [['0007', '007', '12']],
  );
  const codeOf = (reference: string) => {
    try {
      return findNode(graph, reference).id;
    } catch (error) {
      return error instanceof BelayError ? error.code : error;
    }
  };

  it.each([
    ['0007', '0007'],
    ['0007_add_items', '0007'],
    ['0007@bbbbbbbb', '0007@bbbbbbbb'],
    ['0007@bbbb', '0007@bbbbbbbb'],
    ['0007@aaaaaaaa', '0007'],
    ['0012', '12'],
    ['7', 'AMBIGUOUS_REFERENCE'],
    ['0007@b', 'VERSION_NOT_FOUND'],
    ['13', 'VERSION_NOT_FOUND'],
    ['', 'VERSION_NOT_FOUND'],
    ['constructor', 'VERSION_NOT_FOUND'],
  ])('%j is %s', (reference, expected) => {
    expect(codeOf(reference)).toBe(expected);
  });
});

describe('a path', () => {
  const graph = graphOf([['1']], [['1', '2']], [['1', '2', '3']], [['1', '4']], [['x']]);
  const pathOf = (from: string, to: string) =>
    pathBetween(graph, from, to).map(({ direction, version }) => `${direction} ${version}`);

  it.each([
    ['1', '1', []],
    ['1', '3', ['up 2', 'up 3']],
    ['3', '4', ['down 3', 'down 2', 'up 4']],
    ['3', '0', ['down 3', 'down 2', 'down 1']],
    ['0', '2', ['up 1', 'up 2']],
    ['4', 'x', ['down 4', 'down 1', 'up x']],
    ['0', '0', []],
  ])('from %s to %s', (from, to, expected) => {
    expect(pathOf(from, to)).toEqual(expected);
  });

  it('names the migrations of each step, where it may be several', () => {
    const merged = graphOf([['1']], [['1', '2']], [['1', '3', '2', '4']]);
    expect(pathBetween(merged, '4', '2')).toEqual([
      { direction: 'down', version: '4', from: '4', to: '2', migrations: ['4', '3'] },
    ]);
    expect(pathBetween(merged, '3', '2')).toEqual([
      { direction: 'down', version: '3', from: '3', to: '1', migrations: ['3'] },
      { direction: 'up', version: '2', from: '1', to: '2', migrations: ['2'] },
    ]);
  });

  it('needs versions that there are', () => {
    expect(() => pathBetween(graph, '1', '9')).toThrow(
      expect.objectContaining({ code: 'VERSION_NOT_FOUND' }),
    );
  });
});

describe('of any history', () => {
  const versions = ['1', '2', '3', '4', '5', '6', '7'];
  /** Up to a version, down by one, or a jump to another branch, as `belay switch` makes. */
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ up: fc.constantFrom(...versions), drift: fc.boolean() }) },
    { weight: 2, arbitrary: fc.constant('down' as const) },
    { weight: 1, arbitrary: fc.record({ jump: fc.subarray(versions) }) },
  );
  const history = fc.array(step, { minLength: 1, maxLength: 40 }).map((steps) => {
    let applied: readonly string[] = [];
    const states = steps.map((one): readonly [readonly string[], Partial<NewHistoryEntry>] => {
      const from = applied.at(-1) ?? '0';
      if (one === 'down') {
        applied = applied.slice(0, -1);
        return [applied, { action: 'down', from }];
      }
      if ('jump' in one) {
        applied = one.jump;
        return [applied, { action: 'snapshot', from }];
      }
      applied = [...applied.filter((version) => version !== one.up), one.up];
      return [applied, { from, ...(one.drift ? { checksum: 'd'.repeat(64) } : {}) }];
    });
    return historyOf(...states);
  });

  const idsOf = (nodes: readonly { readonly id: string }[]) => nodes.map(({ id }) => id);
  const isWithin = (part: readonly string[], whole: readonly string[]) =>
    part.length < whole.length && part.every((version) => whole.includes(version));

  it('parents come first, have less in force, and nothing lies between', () => {
    fc.assert(
      fc.property(history, (entries) => {
        const { versions: nodes, heads } = buildVersionGraph(entries);
        expect(new Set(idsOf(nodes)).size).toBe(nodes.length);
        for (const [index, node] of nodes.entries()) {
          const parents = nodes.filter(({ id }) => node.parents.includes(id));
          expect(parents.length).toBe(node.parents.length);
          const sets = nodes.filter(({ applied }) => isWithin(applied, node.applied));
          for (const parent of parents) {
            expect(nodes.indexOf(parent)).toBeLessThan(index);
            expect(isWithin(parent.applied, node.applied)).toBe(true);
            expect(parent.children).toContain(node.id);
          }
          for (const below of sets) {
            const isNearest = !sets.some(({ applied }) => isWithin(below.applied, applied));
            const isNamed = parents.some(
              ({ applied }) => [...applied].sort().join() === [...below.applied].sort().join(),
            );
            if (isNearest) expect(isNamed).toBe(true);
          }
        }
        expect(heads).toEqual(idsOf(nodes.filter(({ children }) => children.length === 0)));
      }),
    );
  });

  it('who comes before and who comes after agree', () => {
    fc.assert(
      fc.property(history, (entries) => {
        const graph = buildVersionGraph(entries);
        for (const { id } of graph.versions) {
          for (const other of ancestors(graph, id)) {
            expect(idsOf(descendants(graph, other.id))).toContain(id);
          }
          for (const other of descendants(graph, id)) {
            expect(idsOf(ancestors(graph, other.id))).toContain(id);
          }
        }
      }),
    );
  });

  const appliedIn = (graph: VersionGraph, id: string) =>
    new Set(graph.versions.find((node) => node.id === id)?.applied ?? []);

  it('every path leads from the one to the other, down and then up', () => {
    fc.assert(
      fc.property(history, (entries) => {
        const graph = buildVersionGraph(entries);
        const ids = ['0', ...idsOf(graph.versions)];
        const walk = (from: string, to: string) => {
          const applied = appliedIn(graph, from);
          let at = from;
          for (const step of pathBetween(graph, from, to)) {
            expect(step.from).toBe(at);
            at = step.to;
            const isUp = step.direction === 'up';
            for (const migration of step.migrations) {
              expect(applied.has(migration)).toBe(!isUp);
              if (isUp) applied.add(migration);
              else applied.delete(migration);
            }
          }
          return { at, applied };
        };
        for (const [from, to] of ids.flatMap((one) => ids.map((other) => [one, other] as const))) {
          expect(walk(from, to)).toEqual({ at: to, applied: appliedIn(graph, to) });
          const directions = pathBetween(graph, from, to).map(({ direction }) => direction);
          expect(directions.join()).not.toContain('up,down');
        }
      }),
      { numRuns: 50 },
    );
  });

  it('the order in which unrelated states were recorded does not matter', () => {
    const sets = fc.uniqueArray(fc.subarray(versions, { minLength: 1 }), {
      selector: (set) => set.join(),
      maxLength: 25,
    });
    const shuffled = sets.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
      ),
    );
    const shapeOf = (list: readonly (readonly string[])[]) => {
      const states = list.map((set) => [set, { action: 'snapshot' }] as const);
      const graph = graphOf(...states);
      const nameOf = (id: string) =>
        graph.versions.find((node) => node.id === id)?.applied.join() ?? '';
      return Object.fromEntries(
        graph.versions.map(({ id, parents, reached }) => [
          nameOf(id),
          [...parents.map(nameOf).sort(), reached],
        ]),
      );
    };
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        expect(shapeOf(other)).toEqual(shapeOf(list));
      }),
    );
  });

  it('of ten thousand entries too', () => {
    const states: SampleState[] = [];
    // Forty branches of 250 migrations each, of which the first 100 are common.
    for (let branch = 0; branch < 40; branch += 1) {
      const applied = Array.from({ length: 250 }, (_, index) =>
        index < 100 ? `a${index}` : `b${branch}.${index}`,
      );
      for (let length = 1; length <= applied.length; length += 1) {
        // A checksum of its own: that of a model would take most of the time.
        states.push([applied.slice(0, length), { checksum: applied[length - 1] ?? '' }]);
      }
    }
    const graph = buildVersionGraph(historyOf(...states));
    expect(graph.versions.length).toBe(100 + 40 * 150);
    expect(graph.heads.length).toBe(40);
    expect(ancestors(graph, 'b39.249').length).toBe(249);
    expect(pathBetween(graph, 'b0.249', 'b39.249').length).toBe(300);
  });
});
