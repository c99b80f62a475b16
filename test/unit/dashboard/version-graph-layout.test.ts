import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  layOutVersions,
  nodeSize,
  sayVersion,
} from '../../../dashboard/src/parts/version-graph-layout.js';
import type { VersionNode } from '../../../src/domain/version-graph.js';

const version = (id: string, parents: readonly string[] = []): VersionNode => ({
  ...{ id, version: id, name: '', tool: 'belay', checksum: 'c'.repeat(64), partial: false },
  ...{ applied: [id], parents, children: [], at: null, lastAt: null, reached: 1 },
  ...{ isCurrent: false, isHead: true },
});

describe('the drawing of versions', () => {
  it('puts what follows below, and what was joined below both', async () => {
    const versions = [version('1'), version('2a', ['1']), version('2b', ['1'])];
    const { nodes, edges } = await layOutVersions([...versions, version('3', ['2a', '2b'])]);
    const y = (id: string) => nodes.find(({ node }) => node.id === id)?.y ?? Number.NaN;
    expect(y('2a')).toBeGreaterThanOrEqual(y('1') + nodeSize.height);
    expect(y('2b')).toBe(y('2a'));
    expect(y('3')).toBeGreaterThanOrEqual(y('2a') + nodeSize.height);
    expect(edges).toHaveLength(4);
    for (const { path } of edges) expect(path).toMatch(/^M[\d. -]+ [LQ]/);
  });

  it('draws nothing for nothing, and leaves out parents that are not there', async () => {
    expect(await layOutVersions([])).toEqual({ width: 0, height: 0, nodes: [], edges: [] });
    const { edges, nodes } = await layOutVersions([version('2', ['gone'])]);
    expect(edges).toEqual([]);
    expect(nodes).toHaveLength(1);
  });

  it('gives every version of any graph a place of its own within the drawing', async () => {
    const graph = fc.array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(graph, async (list) => {
        const names = list.map((_, index) => (index === 0 ? '__proto__' : `v ${index}`));
        const versions = list.map((parents, index) => {
          const before = [...new Set(parents.filter((parent) => parent < index))];
          return version(
            names[index] ?? '',
            before.map((parent) => names[parent] ?? ''),
          );
        });
        const { nodes, width, height } = await layOutVersions(versions);
        expect(nodes).toHaveLength(versions.length);
        for (const [index, { x, y }] of nodes.entries()) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x + nodeSize.width).toBeLessThanOrEqual(width);
          expect(y + nodeSize.height).toBeLessThanOrEqual(height);
          for (const other of nodes.slice(index + 1)) {
            const apart =
              Math.abs(other.x - x) >= nodeSize.width || Math.abs(other.y - y) >= nodeSize.height;
            expect(apart).toBe(true);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('says a version in a sentence', () => {
    const node = { ...version('3', ['2a', '2b']), name: 'join', isCurrent: true, reached: 2 };
    expect(sayVersion(node)).toBe(
      'Version 3 join, follows 2a and 2b, current, head, reached 2 times',
    );
    expect(sayVersion({ ...version('1'), isHead: false })).toBe('Version 1, the first');
  });
});
