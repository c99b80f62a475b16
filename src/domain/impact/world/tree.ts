import type { RelationName, Tree } from '../world.js';

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The list at a key, without what is no node. */
export function nodesAt(tree: Tree | undefined, key: string): readonly Tree[] {
  const value = tree?.[key];
  return Array.isArray(value) ? value.filter(isTree) : [];
}

export function treeAt(tree: Tree | undefined, key: string): Tree | undefined {
  const value = tree?.[key];
  return isTree(value) ? value : undefined;
}

export function textAt(tree: Tree | undefined, key: string): string | undefined {
  const value = tree?.[key];
  return typeof value === 'string' ? value : undefined;
}

/** The content of a node `{ Kind: content }`, if it is of that kind. */
export function contentOf(node: unknown, kind: string): Tree | undefined {
  return isTree(node) ? treeAt(node, kind) : undefined;
}

/** Kind and content of a node. */
export function kindOf(node: Tree): readonly [kind: string, content: Tree] {
  const [entry] = Object.entries(node);
  return entry && isTree(entry[1]) ? [entry[0], entry[1]] : ['', {}];
}

export const stringOf = (node: unknown): string | undefined =>
  textAt(contentOf(node, 'String'), 'sval');

/** Parts of a name: a list of String nodes. */
export function namesOf(nodes: readonly unknown[]): string[] {
  return nodes.flatMap((node) => stringOf(node) ?? []);
}

/** Of RangeVar's content. */
export function relationNameOf(range: Tree | undefined): RelationName {
  return { schema: textAt(range, 'schemaname'), name: textAt(range, 'relname') ?? '' };
}

/** Of a name in parts: the last is the object's, the one before its schema's. A database before these has to be this one. */
export function qualifiedNameOf(parts: readonly string[]): RelationName {
  return { schema: parts.at(-2), name: parts.at(-1) ?? '' };
}

/** Every node below, itself included, as [kind, content]; also where the grammar leaves the kind out. */
export function* walk(value: unknown): Generator<readonly [kind: string, content: Tree]> {
  if (Array.isArray(value)) {
    for (const item of value) yield* walk(item);
  } else if (isTree(value)) {
    for (const [key, child] of Object.entries(value)) {
      if (isTree(child)) yield [key, child];
      yield* walk(child);
    }
  }
}
