import type { Finding } from '../../finding.js';
import { contentOf, kindOf, nodesAt, textAt, treeAt, walk } from '../../world/tree.js';
import type { Analysers, Tree, World } from '../../world.js';

const changing = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

interface Entry {
  readonly node: Tree;
  readonly name: string;
  readonly query: Tree;
  readonly isChanging: boolean;
}

function entriesOf(withClause: Tree): Entry[] {
  return nodesAt(withClause, 'ctes').map((node) => {
    const content = contentOf(node, 'CommonTableExpr') ?? {};
    const query = treeAt(content, 'ctequery') ?? {};
    const name = textAt(content, 'ctename') ?? '';
    return { node, name, query, isChanging: changing.has(kindOf(query)[0]) };
  });
}

/** Names of tables without a schema that a tree reads. */
function namesRead(tree: unknown): Set<string> {
  const names = new Set<string>();
  for (const [kind, content] of walk(tree)) {
    if (kind !== 'RangeVar' || textAt(content, 'schemaname') !== undefined) continue;
    names.add(textAt(content, 'relname') ?? '');
  }
  return names;
}

/**
 * The WITH of a statement, for counting: without the parts that change rows, unless something reads what these give. All of
 * them see the rows as they were before the statement.
 */
function withoutChanges(withClause: Tree, readers: unknown): Tree | undefined {
  const read = namesRead(readers);
  const entries = entriesOf(withClause);
  for (const { query } of entries) for (const name of namesRead(query)) read.add(name);
  const ctes = entries
    .filter(({ isChanging, name }) => !isChanging || read.has(name))
    .map(({ node }) => node);
  return ctes.length === 0 ? undefined : { ...withClause, ctes };
}

/** Looks at the parts of a WITH that change rows, each as a statement; and gives the statement without them. */
export function analyseWith(
  tree: Tree,
  world: World,
  analysers: Analysers,
): { readonly rest: Tree; readonly findings: readonly Finding[] } {
  const { withClause, ...rest } = tree as { withClause?: Tree } & Tree;
  if (!withClause) return { rest: tree, findings: [] };
  const entries = entriesOf(withClause);
  const findings = entries.flatMap(({ query, isChanging }, index) => {
    if (!isChanging) return [];
    const [kind, content] = kindOf(query);
    const before = { ...withClause, ctes: entries.slice(0, index).map(({ node }) => node) };
    const own =
      'withClause' in content || index === 0
        ? content
        : { ...content, withClause: readOnly(before, content) };
    return analysers[kind]?.({ sql: '', kind, tree: own }, world) ?? [];
  });
  const left = withoutChanges(withClause, rest);
  return { rest: left ? { ...rest, withClause: left } : rest, findings };
}

/** What a part of a WITH sees of those before it; these are not looked at again. */
function readOnly(before: Tree, reader: Tree): Tree | undefined {
  return withoutChanges(before, reader);
}
