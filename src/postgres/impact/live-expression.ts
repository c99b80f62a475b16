import type { Node } from 'libpg-query';
import type { Tree } from '../../domain/impact/world.js';

/**
 * Loads what prints nodes of the grammar as SQL, for `createWorld`. What it prints is read again and compared: SQL that means
 * something else would count something else. It throws where it cannot print a node.
 *
 * @example
 * const deparse = await loadDeparser();
 * deparse({ ColumnRef: { fields: [{ String: { sval: 'Total' } }] } }); // "Total", with its quotes
 */
export async function loadDeparser(): Promise<(node: Tree) => string> {
  const [{ deparseSync }, { loadModule, parseSync }] = await Promise.all([
    import('pgsql-deparser'),
    import('libpg-query'),
  ]);
  await loadModule();
  return (node) => {
    const sql = deparseSync(node as Node);
    const isStatement = 'SelectStmt' in node;
    const parsed = parseSync(isStatement ? sql : `SELECT ${sql}`).stmts ?? [];
    const statement = parsed[0]?.stmt as Tree | undefined;
    const again = isStatement ? statement : expressionOf(statement);
    if (parsed.length !== 1 || comparable(again) !== comparable(node)) {
      throw new Error(`printing gave other SQL: ${sql}`);
    }
    return sql;
  };
}

interface SelectedExpression {
  readonly SelectStmt?: {
    readonly targetList?: readonly { readonly ResTarget?: { readonly val?: unknown } }[];
  };
}

function expressionOf(statement: Tree | undefined): unknown {
  const { SelectStmt: select } = (statement ?? {}) as SelectedExpression;
  return select?.targetList?.[0]?.ResTarget?.val;
}

/** Places in the text are no part of the meaning; nor is in what order a node's fields come. */
function comparable(value: unknown): string {
  return JSON.stringify(value, (key, part) => {
    if (/^(?:location|.*_location|rexpr_list_(?:start|end))$/.test(key)) return undefined;
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
