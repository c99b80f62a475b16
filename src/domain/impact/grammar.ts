import type { Tree } from './world.js';

/** A node of the grammar: one key, the kind, with the content below it. */
export type GrammarNode = object;

/** Kind and content of a node; undefined where there is none. */
export function nodeOf(node: unknown): { readonly kind: string; readonly tree: Tree } | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  const [entry] = Object.entries(node);
  if (!entry) return undefined;
  return { kind: entry[0], tree: (entry[1] ?? {}) as Tree };
}

/** The content of a node of one kind; undefined: it is of another kind. */
export function contentOf<T>(node: unknown, kind: string): T | undefined {
  const found = nodeOf(node);
  return found?.kind === kind ? (found.tree as T) : undefined;
}

/** Texts of a list of String nodes, e.g. the columns of a constraint. */
export function textsOf(nodes: readonly unknown[] | undefined): string[] {
  return (nodes ?? []).map((node) => contentOf<{ sval?: string }>(node, 'String')?.sval ?? '');
}

/** Every node below one, itself included. */
export function* nodesBelow(value: unknown): Generator<{ kind: string; tree: Tree }> {
  if (Array.isArray(value)) {
    for (const one of value) yield* nodesBelow(one);
  } else if (typeof value === 'object' && value !== null) {
    for (const [kind, tree] of Object.entries(value)) {
      if (typeof tree !== 'object' || tree === null) continue;
      // Kinds of nodes begin with a capital, their fields with a small letter.
      if (/^[A-Z]/.test(kind)) yield { kind, tree: tree as Tree };
      yield* nodesBelow(tree);
    }
  }
}

/** Names of columns that an expression uses, each once: the last field of its column references. */
export function columnsUsed(expression: unknown): string[] {
  const names = new Set<string>();
  for (const { kind, tree } of nodesBelow(expression)) {
    if (kind !== 'ColumnRef') continue;
    const name = textsOf(tree.fields as readonly unknown[]).at(-1);
    if (name) names.add(name);
  }
  return [...names];
}

/** Names of functions that an expression calls, without their schemas. */
export function functionsCalled(expression: unknown): string[] {
  const names = new Set<string>();
  for (const { kind, tree } of nodesBelow(expression)) {
    const name = kind === 'FuncCall' && textsOf(tree.funcname as readonly unknown[]).at(-1);
    if (name) names.add(name);
  }
  return [...names];
}

/** The expression with something else in place of some of its nodes. */
export function replaceNodes(
  value: unknown,
  replacement: (kind: string, tree: Tree) => GrammarNode | undefined,
): unknown {
  if (Array.isArray(value)) return value.map((one) => replaceNodes(one, replacement));
  if (typeof value !== 'object' || value === null) return value;
  const node = nodeOf(value);
  const other = node && /^[A-Z]/.test(node.kind) ? replacement(node.kind, node.tree) : undefined;
  if (other) return other;
  return Object.fromEntries(
    Object.entries(value).map(([key, below]) => [key, replaceNodes(below, replacement)]),
  );
}

/** PostgreSQL refuses subqueries in checks, in defaults, and in the USING of a change of type. */
export function hasSubquery(expression: unknown): boolean {
  for (const { kind } of nodesBelow(expression)) if (kind === 'SubLink') return true;
  return false;
}
