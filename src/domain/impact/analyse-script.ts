import { type Finding, finding } from './finding.js';
import { ScriptCourse } from './script-course.js';
import type { SimulatedWorld } from './simulated-world.js';
import { contentOf, kindOf, nodesAt, textAt } from './world/tree.js';
import type { AnalysedStatement, Analysers, Tree } from './world.js';

/** A statement of a script and what it does. */
export interface StatementFindings<S extends AnalysedStatement = AnalysedStatement> {
  readonly statement: S;
  /** From 1, over all scripts that were analysed in this world. */
  readonly index: number;
  readonly findings: readonly Finding[];
}

/** Rules after which nobody knows what is there. */
const obscuring = new Set(['opaque-code', 'unknown-statement']);

/**
 * Says of each statement what it does, one after another: the world is afterwards as the script leaves it, unless
 * the script takes something back.
 * @param first number of the first statement; later scripts go on where earlier ones ended
 */
export function analyseScript<S extends AnalysedStatement>(
  statements: readonly S[],
  world: SimulatedWorld,
  analysers: Analysers,
  { first = 1 }: { readonly first?: number } = {},
): StatementFindings<S>[] {
  let current = world;
  const course = new ScriptCourse();
  return statements.map((statement, at) => {
    const index = first + at;
    const findings = step(statement, index, current, analysers);
    // What is rolled back did not happen: a new world sees only what is left.
    if (course.add({ statement, index }) === 'taken back') {
      current = current.anew();
      for (const left of course.left) step(left.statement, left.index, current, analysers);
    }
    return { statement, index, findings };
  });
}

function step(
  statement: AnalysedStatement,
  index: number,
  world: SimulatedWorld,
  analysers: Analysers,
): readonly Finding[] {
  world.statement = index;
  const findings = analyseStatement(statement, world, analysers);
  if (findings.some(({ rule }) => obscuring.has(rule))) world.isUncertain = true;
  return findings;
}

function analyseStatement(
  statement: AnalysedStatement,
  world: SimulatedWorld,
  analysers: Analysers,
): readonly Finding[] {
  const analyser = analysers[statement.kind];
  if (!analyser) return [unknownStatement(statement)];
  const own = analyser(statement, world);
  const within = withinOf(statement).flatMap((inner) => {
    return inSchema(statement, world, () => analyseStatement(inner, world, analysers));
  });
  const all = [...own, ...within.filter(({ rule }) => rule !== 'read-only')];
  return all.length > 0 || statement.kind !== 'SelectStmt' ? all : [readOnly];
}

const readOnly = finding({
  ...{ rule: 'read-only', operation: 'SELECT', object: 'query', safety: 'SAFE' },
  reason: 'reads, and changes nothing',
});

/** Statements that another one runs: of CREATE SCHEMA, EXPLAIN ANALYZE, CREATE TABLE AS, … */
function withinOf({ kind, tree, sql }: AnalysedStatement): AnalysedStatement[] {
  const statementOf = (node: Tree): AnalysedStatement => {
    const [inner, content] = kindOf(node);
    return { kind: inner, tree: content, sql };
  };
  switch (kind) {
    case 'CreateSchemaStmt':
      return nodesAt(tree, 'schemaElts').map(statementOf);
    case 'ExplainStmt':
      return isAnalyzed(tree) ? queryOf(tree).map(statementOf) : [];
    case 'CreateTableAsStmt':
    case 'CopyStmt':
    case 'DeclareCursorStmt':
      return queryOf(tree).map(statementOf);
    default:
      return [];
  }
}

const queryOf = ({ query }: Tree): Tree[] =>
  typeof query === 'object' && query !== null ? [query as Tree] : [];

/** `EXPLAIN (ANALYZE off)` runs nothing. */
function isAnalyzed(tree: Tree): boolean {
  const option = nodesAt(tree, 'options')
    .map((node) => contentOf(node, 'DefElem'))
    .find((element) => textAt(element, 'defname') === 'analyze');
  if (!option) return false;
  const value = textAt(contentOf(option.arg, 'String'), 'sval')?.toLowerCase();
  return !['off', 'false', '0', 'no'].includes(value ?? 'on');
}

/** The elements of CREATE SCHEMA are made in that schema. */
function inSchema<T>({ kind, tree }: AnalysedStatement, world: SimulatedWorld, work: () => T): T {
  const name = textAt(tree, 'schemaname');
  if (kind !== 'CreateSchemaStmt' || name === undefined) return work();
  return world.within(name, work);
}

function unknownStatement({ sql, kind }: AnalysedStatement): Finding {
  const words = sql.split(/\s+/, 2).join(' ').toUpperCase() || kind;
  return finding({
    ...{ rule: 'unknown-statement', operation: words, object: words, safety: 'UNSAFE' },
    reason: `Belay does not know what ${words} does: \`belay rehearse\` measures it on a copy`,
    unmeasured: 'Belay does not know the statement',
  });
}
